import { CLOSED, WAITS_FOR_PERSON } from '../hub/incident.ts';
import type { IncidentRow } from './desk.ts';
import { type Grouped, grouped } from './grouped.ts';

/** Incidents as a list shows them: what waits for a person, what runs, what is over. */
export type Listing = Grouped<IncidentRow>;

const RANK = { critical: 0, warning: 1, info: 2 } as const;
const DAY_MS = 86_400_000;
/** What counts as today is looked at anew this often: within it a list of 100,000 is not sorted again. */
const MOMENT_MS = 60_000;

const worstFirst = (a: IncidentRow, b: IncidentRow) =>
  RANK[a.severity] - RANK[b.severity] || b.opened - a.opened || (a.id < b.id ? -1 : 1);
const latestFirst = (a: IncidentRow, b: IncidentRow) => b.updated - a.updated || (a.id < b.id ? -1 : 1);

/** True of a text that has every word of the filter, and none of those after a `!`. In any case. */
export function matches(filter: string): (text: string) => boolean {
  const words = filter.toLowerCase().split(' ').filter(Boolean);
  const wanted = words.filter((word) => !word.startsWith('!'));
  const unwanted = words.flatMap((word) => (word.startsWith('!') && word.length > 1 ? [word.slice(1)] : []));
  return (text) => wanted.every((word) => text.includes(word)) && !unwanted.some((word) => text.includes(word));
}

const texts = new WeakMap<IncidentRow, string>();

/** What a filter looks at. Kept: a row is looked at again with every letter that is typed. */
function textOf(row: IncidentRow): string {
  const known = texts.get(row);
  if (known !== undefined) return known;
  const text = `${row.host} ${row.title} ${row.state} ${row.severity} ${row.owner} ${row.id}`.toLowerCase();
  texts.set(row, text);
  return text;
}

interface Kept {
  readonly incidents: readonly IncidentRow[];
  readonly filter: string;
  readonly rows: readonly IncidentRow[];
}
let kept: Kept = { incidents: [], filter: '', rows: [] };

/**
 * The rows that a filter leaves. One more letter only looks through what the letters before had left: how many rows
 * were looked at is counted in `looked`.
 */
function filtered(incidents: readonly IncidentRow[], filter: string): readonly IncidentRow[] {
  if (filter === '') return incidents;
  if (kept.incidents === incidents && kept.filter === filter) return kept.rows;
  const narrows = kept.incidents === incidents && filter.startsWith(kept.filter) && !filter.includes('!');
  const from = narrows && kept.filter !== '' ? kept.rows : incidents;
  const good = matches(filter);
  looked.rows += from.length;
  const rows = from.filter((row) => good(textOf(row)));
  kept = { incidents, filter, rows };
  return rows;
}

/** For tests and the bench: rows that filters have looked at since the start. */
export const looked = { rows: 0 };

let last: {
  readonly rows: readonly IncidentRow[];
  readonly moment: number;
  readonly listing: Listing;
} | null = null;

/** The list as the home view shows it. Asked again with the same array it gives the same listing. */
export function listing(incidents: readonly IncidentRow[], filter: string, now: number): Listing {
  const rows = filtered(incidents, filter);
  const moment = Math.floor(now / MOMENT_MS);
  if (last === null || last.rows !== rows || last.moment !== moment)
    last = { rows, moment, listing: inGroups(rows, now) };
  return last.listing;
}

function inGroups(rows: readonly IncidentRow[], now: number): Listing {
  const waiting: IncidentRow[] = [];
  const working: IncidentRow[] = [];
  const today: IncidentRow[] = [];
  const earlier: IncidentRow[] = [];
  for (const row of rows) {
    if (WAITS_FOR_PERSON.has(row.state)) waiting.push(row);
    else if (!CLOSED.has(row.state)) working.push(row);
    else if (now - row.updated < DAY_MS) today.push(row);
    else earlier.push(row);
  }
  const groups = [
    { title: 'waiting for you', rows: waiting.sort(worstFirst) },
    { title: 'working', rows: working.sort(worstFirst) },
    { title: 'today', rows: today.sort(latestFirst) },
    { title: 'earlier', rows: earlier.sort(latestFirst) },
  ];
  return grouped(groups, ({ id }) => id);
}
