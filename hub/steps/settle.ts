import { hasOpenMember } from '../correlate/memory.ts';
import type { Hub } from '../hub.ts';
import type { Incident, State } from '../incident.ts';
import { moved } from '../store/incidents.ts';
import { type Outcome, type Step, waitFor } from './step.ts';

/** When the source recovers by itself in one of these, nothing needs to be done any more. */
const ENDS_BY_ITSELF: ReadonlySet<State> = new Set([
  'open',
  'diagnosing',
  'proposed',
  'expired',
  'escalated',
  'failed',
]);

/**
 * Closes an incident whose source recovered by itself: at once, or, where it comes and goes, when it has been quiet
 * for a while, and never while something else that it covers still goes on.
 */
export const settle: Step = {
  name: 'settle',
  ready: ({ state, recovered }) => recovered !== undefined && ENDS_BY_ITSELF.has(state),
  async run(incident: Incident, hub: Hub): Promise<Outcome> {
    const now = hub.now();
    if (hasOpenMember(hub.store, incident.id)) return waitFor(null);
    const quiet = (incident.recovered ?? now) + (incident.flapping ? hub.correlation.rules.flapping.quiet : 0);
    if (now < quiet) return waitFor(quiet);
    const note = incident.flapping ? 'quiet for long enough' : 'recovered by itself';
    return {
      kind: 'move',
      incident: moved(incident, 'resolved', { now, by: 'hub', note, reason: 'recovered' }),
      audit: { kind: 'incident.settled', incident: incident.id, actor: 'hub', data: {} },
    };
  },
};
