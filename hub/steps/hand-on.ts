import type { Hub } from '../hub.ts';
import { TIMES } from '../hub.ts';
import type { Incident, State } from '../incident.ts';
import { ableOn } from './owner.ts';
import { type Outcome, type Step, waitFor } from './step.ts';

/** What waits for a person here has no other end that the hub could bring about; a proposal has (see approve.ts). */
const WAITS: ReadonlySet<State> = new Set(['expired', 'escalated', 'failed', 'outcome_unknown']);

/** An incident that nobody has taken on goes to the next person when its owner does not answer. */
export const handOn: Step = {
  name: 'hand-on',
  ready: ({ state, acknowledged }) => WAITS.has(state) && acknowledged === undefined,
  run: async (incident, hub) => handedOn(incident, hub),
};

/** The move to the next person of the chain, or the wait for it; nobody comes after the last, who keeps it. */
export function handedOn(incident: Incident, hub: Hub): Outcome {
  const next = nextOf(incident, hub);
  if (next === undefined || incident.acknowledged !== undefined) return waitFor(null);
  const now = hub.now();
  const since = Math.max(incident.handed_on ?? 0, entered(incident));
  // By a clock that was set back the time has not begun yet.
  const due = Math.min(since, now) + TIMES.answer;
  if (now < due) return waitFor(due);
  const note = `${incident.owner} did not answer: ${next} is asked next`;
  const timeline = [...incident.timeline, { ts: now, state: incident.state, by: 'hub', note }];
  return {
    kind: 'move',
    incident: { ...incident, owner: next, handed_on: now, updated: now, timeline },
    audit: {
      kind: 'incident.handed_on',
      incident: incident.id,
      actor: 'hub',
      data: { from: incident.owner, to: next },
    },
  };
}

function nextOf({ owner, host }: Incident, hub: Hub): string | undefined {
  const chain = ableOn(hub, host);
  return chain[chain.findIndex(({ name }) => name === owner) + 1]?.name;
}

/** When the incident came into its present state. */
function entered({ timeline, state, updated }: Incident): number {
  const start = timeline.findLastIndex((moment) => moment.state !== state) + 1;
  return timeline[start]?.ts ?? updated;
}
