import { UsageError } from '../../broker/command-line.ts';
import type { Incident } from '../incident.ts';
import { getIncident, listIncidents } from '../store/incidents.ts';
import type { Store } from '../store/store.ts';

/** How many of the newest incidents an abbreviated ID is searched in. */
const SEARCHED = 10_000;

/** The one incident whose ID begins so. Throws UsageError when there is none, or more than one. */
export function findIncident(store: Store, id: string): Incident {
  const wanted = id.toUpperCase();
  const matches = listIncidents(store, SEARCHED).filter((one) => wanted !== '' && one.id.startsWith(wanted));
  const [only] = matches;
  const incident = only && getIncident(store, only.id);
  if (incident === undefined) throw new UsageError(`no incident ${JSON.stringify(id)}: see \`sentinel incident list\``);
  if (matches.length > 1)
    throw new UsageError(`${id} is the beginning of ${matches.length} incidents: give more of it`);
  return incident;
}
