import { CLOSED, type Incident, WAITS_FOR_PERSON } from '../../hub/incident.ts';
import type { Store } from '../../hub/store/store.ts';

/** Where the indexes of a store do not say what its incidents say: one sentence each. */
export function disagreements(store: Store): readonly string[] {
  const found: string[] = [];
  const incidents = new Map([...store.incidents.getRange({})].map(({ key, value }) => [String(key), value]));
  const open = [...incidents.values()].filter(({ state }) => !CLOSED.has(state));
  const summaries = [...store.summaries.getRange({})].map(({ value }) => value);
  if (summaries.length !== incidents.size) found.push(`${summaries.length} summaries of ${incidents.size} incidents`);
  for (const { id, state, owner, updated } of summaries) {
    const one = incidents.get(id);
    if (one === undefined) found.push(`a summary of ${id}, which is not there`);
    else if (one.state !== state || one.owner !== owner || one.updated !== updated)
      found.push(`${id} is ${one.state}, its summary says ${state}`);
  }
  const active = [...store.active.getRange({})].map(({ key, value }) => ({ key, id: value }));
  for (const { key, id } of active) {
    const one = incidents.get(id);
    if (one === undefined || CLOSED.has(one.state)) found.push(`${id} is active and ${one?.state ?? 'gone'}`);
    else if (one.host !== key[0] || one.fingerprint !== key[1]) found.push(`${id} is active under another name`);
  }
  for (const { id, state } of open)
    if (!active.some((one) => one.id === id)) found.push(`${id} is ${state} and not active`);
  const signals = [...store.signals.getRange({})].map(({ key }) => key[2]);
  const wanted = open.map(({ id }) => id);
  if ([...signals].sort().join() !== [...wanted].sort().join())
    found.push(`signals name ${signals.length} incidents, ${wanted.length} are open`);
  return found;
}

/** True for an incident that nobody has to wait for any more, or that waits for a named person. */
export const isAtRest = ({ state, owner }: Incident): boolean =>
  CLOSED.has(state) || (WAITS_FOR_PERSON.has(state) && owner !== 'nobody');
