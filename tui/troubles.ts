import { CLOSED, WAITS_FOR_PERSON } from '../hub/incident.ts';
import type { DeskState, HostRow, IncidentRow } from './desk.ts';

/** How a host is: by its worst open incident, or that nothing is heard of it. */
export type Trouble = 'well' | 'critical' | 'warning' | 'silent';

interface Tally {
  /** Open incidents of a host's: the worst. */
  readonly worst: ReadonlyMap<string, 'critical' | 'warning'>;
  readonly waiting: number;
}
const tallies = new WeakMap<readonly IncidentRow[], Tally>();

/** Kept with the array, which is replaced whenever something in it changes. */
function tally(incidents: readonly IncidentRow[]): Tally {
  const known = tallies.get(incidents);
  if (known !== undefined) return known;
  const worst = new Map<string, 'critical' | 'warning'>();
  let waiting = 0;
  for (const row of incidents) {
    if (WAITS_FOR_PERSON.has(row.state)) waiting++;
    if (CLOSED.has(row.state) || row.severity === 'info') continue;
    if (row.severity === 'critical' || !worst.has(row.host)) worst.set(row.host, row.severity);
  }
  const counted = { worst, waiting };
  tallies.set(incidents, counted);
  return counted;
}

/** How each host is, by these incidents. */
export function troubles(incidents: readonly IncidentRow[]): (host: HostRow) => Trouble {
  const { worst } = tally(incidents);
  return (host) => (host.state === 'online' ? (worst.get(host.agent) ?? 'well') : 'silent');
}

/** How many incidents wait for a person. */
export const waitingFor = (desk: Pick<DeskState, 'incidents'>): number => tally(desk.incidents).waiting;

export type Health = Record<Trouble, number>;

/** How many of these hosts are how; the four numbers add up to all of them. */
export function healthOf(hosts: readonly HostRow[], incidents: readonly IncidentRow[]): Health {
  const of = troubles(incidents);
  const sum = { well: 0, critical: 0, warning: 0, silent: 0 };
  for (const host of hosts) sum[of(host)]++;
  return sum;
}
