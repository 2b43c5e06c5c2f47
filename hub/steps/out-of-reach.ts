import { isAgentId, senserOf } from '../../broker/subject.ts';
import type { Hub } from '../hub.ts';
import type { Incident } from '../incident.ts';
import { moved } from '../store/incidents.ts';
import { ownerOf } from './owner.ts';
import type { Outcome, Step } from './step.ts';

/**
 * A device behind a gateway, or a host that only an alert from outside has named, is a person's: there is no agent that
 * could check an approval, so nothing is proposed and nothing is ordered. What the reasoners think of it is shown.
 */
export const outOfReach: Step = {
  name: 'out-of-reach',
  ready: ({ state, host, diagnoses }) => state === 'diagnosing' && diagnoses.length > 0 && !isAgentId(host),
  async run(incident: Incident, hub: Hub): Promise<Outcome> {
    const gateway = senserOf(incident.host);
    const [reason, why] =
      gateway === null
        ? ['no_agent', 'no agent of this site is on that host']
        : ['device', `${gateway} speaks for this device and does not act on it`];
    const [first] = incident.diagnoses;
    const note = `${why}; likely: ${first?.root_cause ?? 'unknown'}`;
    const change = { now: hub.now(), by: 'hub', note, reason };
    return {
      kind: 'move',
      incident: moved(incident, 'escalated', change, { owner: ownerOf(hub, incident.host) }),
      audit: { kind: 'incident.out_of_reach', incident: incident.id, actor: 'hub', data: { reason } },
    };
  },
};
