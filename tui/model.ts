import { CLOSED, type Incident, type State, WAITS_FOR_PERSON } from '../hub/incident.ts';
import type { Consent } from './consent.ts';
import type { DeskState, HostRow, IncidentRow } from './desk.ts';
import type { Theme } from './theme.ts';

/** A sentence after an act, in the footer until the next key. */
export interface Toast {
  readonly text: string;
  readonly tone: 'plain' | 'wait' | 'alarm';
}

/** What the operator did to the screen: the whole of it, so that a view is a pure function of `Model`. */
export interface Ui {
  readonly view: 'incidents' | 'hosts';
  /** The incident that is open in full, over the list. */
  readonly open: string | null;
  readonly help: boolean;
  readonly incident: string | null;
  readonly host: string | null;
  readonly filter: string;
  readonly filtering: boolean;
  /** The notice that was dismissed: another text shows again. */
  readonly dismissed: string;
  readonly scroll: number;
  readonly consent: Consent | null;
  readonly toast: Toast | null;
}

export const FIRST_UI: Ui = {
  view: 'incidents',
  open: null,
  help: false,
  incident: null,
  host: null,
  filter: '',
  filtering: false,
  dismissed: '',
  scroll: 0,
  consent: null,
  toast: null,
};

/** Everything a frame is drawn from. `now` is milliseconds; `cols` and `rows` are the terminal's. */
export interface Model {
  readonly desk: DeskState;
  /** The open incident, else the selected one. */
  readonly incident: Incident | undefined;
  readonly ui: Ui;
  readonly now: number;
  readonly cols: number;
  readonly rows: number;
  readonly theme: Theme;
}

/** Smaller than this the views can't say what they must. */
export const SMALLEST = { cols: 80, rows: 24 } as const;

export const isTooSmall = (model: Pick<Model, 'cols' | 'rows'>): boolean =>
  model.cols < SMALLEST.cols || model.rows < SMALLEST.rows;

/** Two panes side by side from a terminal of 100 columns on; views are given one column less (see `frame`). */
export const isBroad = (model: Pick<Model, 'cols'>): boolean => model.cols >= 99;

/** Which keys apply. */
export type Place = 'incidents' | 'hosts' | 'incident' | 'help' | 'filter' | 'consent';

export function placeOf(ui: Ui): Place {
  if (ui.consent !== null) return 'consent';
  if (ui.help) return 'help';
  if (ui.filtering) return 'filter';
  if (ui.open !== null) return 'incident';
  return ui.view;
}

export interface Group {
  readonly title: string;
  readonly rows: readonly IncidentRow[];
}

const RANK = { critical: 0, warning: 1, info: 2 } as const;
const DAY_MS = 86_400_000;

const worstFirst = (a: IncidentRow, b: IncidentRow) =>
  RANK[a.severity] - RANK[b.severity] || b.opened - a.opened || (a.id < b.id ? -1 : 1);
const latestFirst = (a: IncidentRow, b: IncidentRow) => b.updated - a.updated || (a.id < b.id ? -1 : 1);

/** The list as the home view shows it: what waits for a person, what runs, what is over. Empty groups are left out. */
export function groups(incidents: readonly IncidentRow[], filter: string, now: number): readonly Group[] {
  const waiting: IncidentRow[] = [];
  const working: IncidentRow[] = [];
  const today: IncidentRow[] = [];
  const earlier: IncidentRow[] = [];
  const wanted = filter.toLowerCase();
  for (const row of incidents) {
    if (wanted !== '' && !`${row.host} ${row.title} ${row.state} ${row.severity}`.toLowerCase().includes(wanted))
      continue;
    if (WAITS_FOR_PERSON.has(row.state)) waiting.push(row);
    else if (!CLOSED.has(row.state)) working.push(row);
    else if (now - row.updated < DAY_MS) today.push(row);
    else earlier.push(row);
  }
  return [
    { title: 'waiting for you', rows: waiting.sort(worstFirst) },
    { title: 'working', rows: working.sort(worstFirst) },
    { title: 'today', rows: today.sort(latestFirst) },
    { title: 'earlier', rows: earlier.sort(latestFirst) },
  ].filter((group) => group.rows.length > 0);
}

const isListening = (host: HostRow) => host.state === 'online';

/** Hosts by their worst open incident; the four numbers add up to all of them. */
export function health(desk: DeskState): { well: number; critical: number; warning: number; silent: number } {
  const worst = new Map<string, 'critical' | 'warning'>();
  for (const row of desk.incidents) {
    if (CLOSED.has(row.state) || row.severity === 'info') continue;
    if (row.severity === 'critical' || !worst.has(row.host)) worst.set(row.host, row.severity);
  }
  const sum = { well: 0, critical: 0, warning: 0, silent: 0 };
  for (const host of desk.hosts) sum[isListening(host) ? (worst.get(host.agent) ?? 'well') : 'silent']++;
  return sum;
}

/** How a state reads in a list: one short word. */
export const STATE_WORDS: Readonly<Record<State, string>> = {
  open: 'new',
  diagnosing: 'thinking',
  proposed: 'proposed',
  approved: 'approved',
  executing: 'running',
  verifying: 'verify',
  resolved: 'resolved',
  rejected: 'rejected',
  expired: 'expired',
  cancelled: 'cancelled',
  escalated: 'escalated',
  failed: 'failed',
  rolled_back: 'undone',
  outcome_unknown: 'unknown',
  suppressed: 'silenced',
};

/** Keeps the selection on something that is there: the first row where nothing, or something gone, is selected. */
export function settle(ui: Ui, desk: DeskState, now: number): Ui {
  const host = desk.hosts.some((row) => row.agent === ui.host) ? ui.host : (desk.hosts[0]?.agent ?? null);
  const list = groups(desk.incidents, ui.filter, now);
  const listed = list.some((group) => group.rows.some((row) => row.id === ui.incident));
  const incident = listed ? ui.incident : (list[0]?.rows[0]?.id ?? null);
  return host === ui.host && incident === ui.incident ? ui : { ...ui, host, incident };
}
