import type { HostRow, IncidentRow } from './desk.ts';
import { type Grouped, grouped } from './grouped.ts';
import { matches } from './listing.ts';
import { troubles } from './troubles.ts';

/** How the hosts stand in their list: under their site and group, or the worst first. */
export type FleetOrder = 'group' | 'trouble';

/** Tags that say where a host stands, and those that say what it is; the first of each that a host has counts. */
const SITE = ['site'];
const GROUP = ['group', 'role', 'env'];
/** A host without a tag. */
const UNTAGGED = 'no tags';

const tagOf = (tags: readonly string[], names: readonly string[]): string | undefined => {
  for (const name of names) {
    const tag = tags.find((one) => one.startsWith(`${name}=`));
    if (tag !== undefined && tag.length > name.length + 1) return tag.slice(name.length + 1);
  }
  return undefined;
};

/** `north › historian`; a host that says neither stands under its first tag. */
export function groupOf({ tags }: Pick<HostRow, 'tags'>): string {
  const parts = [tagOf(tags, SITE), tagOf(tags, GROUP)].filter((part) => part !== undefined);
  return parts.length > 0 ? parts.join(' › ') : (tags[0] ?? UNTAGGED);
}

/** In which order troubles come; a host that is not heard is trouble that nobody sees. */
const RANKS = ['critical', 'warning', 'silent', 'well'] as const;
const TITLES = { critical: 'critical', warning: 'warning', silent: 'not heard', well: 'well' } as const;

/** What the filter looks at: who it is, how it is, and every tag. */
const textOf = ({ agent, state, live, tags }: HostRow): string =>
  `${agent} ${state} ${live ? 'live' : 'dry-run'} ${tags.join(' ')}`.toLowerCase();

interface Asked {
  readonly hosts: readonly HostRow[];
  readonly incidents: readonly IncidentRow[];
  readonly filter: string;
  readonly order: FleetOrder;
}
let last: (Asked & { readonly list: Grouped<HostRow> }) | null = null;

/** The hosts as their view shows them. Asked again with the same arrays it gives the same list. */
export function fleetListing(asked: Asked): Grouped<HostRow> {
  const { hosts, incidents, filter, order } = asked;
  const isSame =
    last !== null &&
    last.hosts === hosts &&
    last.incidents === incidents &&
    last.filter === filter &&
    last.order === order;
  if (last !== null && isSame) return last.list;
  const good = matches(filter);
  const rows = filter === '' ? hosts : hosts.filter((host) => good(textOf(host)));
  last = { ...asked, list: order === 'group' ? byGroup(rows) : byTrouble(rows, incidents) };
  return last.list;
}

/** Hosts keep their order, by name, within a group: a row must not jump under the hand that selects it. */
function byGroup(rows: readonly HostRow[]): Grouped<HostRow> {
  const groups = new Map<string, HostRow[]>();
  for (const row of rows) {
    const name = groupOf(row);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [row]);
    else group.push(row);
  }
  const isPlain = groups.size === 1 && groups.has(UNTAGGED);
  const named = [...groups].map(([title, all]) => ({ title: isPlain ? '' : title, rows: all }));
  const isLast = (title: string) => (title === UNTAGGED ? 1 : 0);
  return grouped(
    named.sort((a, b) => isLast(a.title) - isLast(b.title) || (a.title < b.title ? -1 : 1)),
    ({ agent }) => agent,
  );
}

function byTrouble(rows: readonly HostRow[], incidents: readonly IncidentRow[]): Grouped<HostRow> {
  const of = troubles(incidents);
  const groups = RANKS.map((rank) => ({ title: TITLES[rank] as string, rows: [] as HostRow[] }));
  for (const row of rows) groups[RANKS.indexOf(of(row))]?.rows.push(row);
  return grouped(groups, ({ agent }) => agent);
}
