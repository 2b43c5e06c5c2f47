import { UsageError } from '../../broker/command-line.ts';
import type { Incident } from '../incident.ts';
import { getIncident, listIncidents } from '../store/incidents.ts';
import type { Store } from '../store/store.ts';

/** How many of the newest incidents an abbreviated ID is searched in. */
const SEARCHED = 10_000;

/** The one incident whose ID begins or, from four letters on, ends so: the screen shows ends. Throws UsageError when there is none, or more than one. */
export function findIncident(store: Store, id: string): Incident {
  const wanted = id.toUpperCase();
  const isMeant = (whole: string) => whole.startsWith(wanted) || (wanted.length >= 4 && whole.endsWith(wanted));
  const matches = listIncidents(store, SEARCHED).filter((one) => wanted !== '' && isMeant(one.id));
  const [only] = matches;
  const incident = only && getIncident(store, only.id);
  if (incident === undefined) throw new UsageError(`no incident ${JSON.stringify(id)}: see \`sentinel incident list\``);
  if (matches.length > 1)
    throw new UsageError(`${id} is the beginning or the end of ${matches.length} incidents: give more of it`);
  return incident;
}
