import type { StateFolder } from '../../../broker/state-folder.ts';
import { askHub, localOperator, signPlan } from '../../../hub/acts/client.ts';
import type { SimHub } from './sim-hub.ts';

/** Of ten proposals a person approves six, rejects two, and does not see the others in time. */
const APPROVED = 0.6;
const REJECTED = 0.8;

/** Does what a person does who finds proposals waiting: over the hub's socket, signed. Gives how many were approved. */
export async function operate({ hub }: SimHub, state: StateFolder, draw: () => number): Promise<number> {
  let approved = 0;
  const operator = localOperator(state);
  for (const { value: id } of [...hub.store.active.getRange({})]) {
    const incident = hub.store.incidents.get(id);
    if (incident?.state !== 'proposed' || incident.plan === null) continue;
    const luck = draw();
    if (luck >= REJECTED) continue;
    if (luck >= APPROVED) {
      await askHub(state, operator, { verb: 'reject', incident: id, note: 'not now' });
      continue;
    }
    const reviewed = incident.plan.steps.map(({ number }) => number);
    const signed = await signPlan(incident, operator, reviewed, hub.now());
    const answer = await askHub(state, operator, { verb: 'approve', incident: id, ...signed });
    if (answer.ok === 'yes') approved++;
  }
  return approved;
}
