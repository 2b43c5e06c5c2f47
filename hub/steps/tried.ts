import { getIncident } from '../store/incidents.ts';
import type { Store } from '../store/store.ts';

/** Playbooks that did not help: on this incident, and on earlier ones with the same fingerprint. */
export function triedBefore(store: Store, id: string): readonly string[] {
  const incident = getIncident(store, id);
  const earlier = (incident?.evidence?.similar ?? [])
    .map((similar) => getIncident(store, similar.id))
    .filter((one) => one?.fingerprint === incident?.fingerprint);
  return [incident, ...earlier].flatMap((one) => one?.tried ?? []);
}
