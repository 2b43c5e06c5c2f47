import type { Incident, State } from '../hub/incident.ts';
import type { Consent } from './consent.ts';
import type { DeskState, Shelf } from './desk.ts';
import type { FleetOrder } from './fleet-listing.ts';
import type { Keymap } from './keymap.ts';
import { idsOf, type ListName } from './lists.ts';
import { OPENS, type Place, type ViewName } from './places.ts';
import type { Theme } from './theme.ts';

export type { Place } from './places.ts';

/** A sentence after an act, in the footer until the next key. */
export interface Toast {
  readonly text: string;
  readonly tone: 'plain' | 'wait' | 'alarm';
}

/** The line in which one names where to go, with the place in the list of what fits. */
export interface Palette {
  readonly text: string;
  readonly at: number;
  /** How far back in what was gone to before; -1: not at all. */
  readonly back: number;
}

/** The command that is tried out, and the host that it is judged for; null: one where every name exists. */
export interface Sandbox {
  readonly text: string;
  readonly host: string | null;
}

/** What the operator did to the screen: the whole of it, so that a view is a pure function of `Model`. */
export interface Ui {
  readonly view: ViewName;
  /** The view before this one. */
  readonly before: ViewName;
  /** What is open in full over the view's list: an incident, a host, a playbook. */
  readonly open: string | null;
  readonly help: boolean;
  /** What is selected in each list. */
  readonly picked: Readonly<Record<ListName, string | null>>;
  readonly filter: string;
  readonly filtering: boolean;
  readonly fleetOrder: FleetOrder;
  readonly palette: Palette | null;
  /** The stop of the tour that is shown; null: none. */
  readonly tour: number | null;
  /** What the palette was used for, newest first. */
  readonly gone: readonly string[];
  readonly sandbox: Sandbox;
  /** The incident whose host is asked, over the incident. */
  readonly asking: string | null;
  /** Every fact, not only those that the cause cites. */
  readonly allEvidence: boolean;
  /** The notice that was dismissed: another text shows again. */
  readonly dismissed: string;
  readonly scroll: number;
  readonly consent: Consent | null;
  readonly toast: Toast | null;
}

export const FIRST_UI: Ui = {
  view: 'incidents',
  before: 'incidents',
  open: null,
  help: false,
  picked: {
    incidents: null,
    hosts: null,
    playbooks: null,
    audit: null,
    automation: null,
    eval: null,
    doctor: null,
    probe: null,
  },
  filter: '',
  filtering: false,
  fleetOrder: 'group',
  palette: null,
  tour: null,
  gone: [],
  sandbox: { text: '', host: null },
  asking: null,
  allEvidence: false,
  dismissed: '',
  scroll: 0,
  consent: null,
  toast: null,
};

/** Everything a frame is drawn from. `now` is milliseconds; `cols` and `rows` are the terminal's. */
export interface Model {
  readonly desk: DeskState;
  /** What is read only where it is shown. */
  readonly shelf: Shelf;
  /** The incident in a dialog, the open one, else the selected one. */
  readonly incident: Incident | undefined;
  readonly ui: Ui;
  readonly keys: Keymap;
  /** Nothing is signed from this screen. */
  readonly readOnly: boolean;
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

export function placeOf(ui: Ui): Place {
  if (ui.consent !== null) return ui.consent.act === 'approve' ? 'approval' : 'consent';
  if (ui.palette !== null) return 'palette';
  if (ui.tour !== null) return 'tour';
  if (ui.help) return 'help';
  if (ui.filtering) return 'filter';
  if (ui.asking !== null) return 'probe';
  return ui.open === null ? ui.view : (OPENS[ui.view] ?? ui.view);
}

/** The incident that keys are about where the operator is; null in views that are not about incidents. */
export function incidentAt(ui: Ui): string | null {
  if (ui.consent !== null) return ui.consent.incident === '' ? null : ui.consent.incident;
  if (ui.asking !== null) return ui.asking;
  return ui.view === 'incidents' ? (ui.open ?? ui.picked.incidents) : null;
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

/** Keeps the selection of the list that is shown on something that is there: else it goes to the first row. */
export function settle(model: Model): Ui {
  const { ui } = model;
  const list = ui.asking !== null ? 'probe' : ui.view;
  if (list === 'policy') return ui;
  const ids = idsOf(list, model);
  const picked = ui.picked[list];
  if (picked !== null && ids.indexOf(picked) !== -1) return ui;
  const first = ids.at(0) ?? null;
  return first === picked ? ui : { ...ui, picked: { ...ui.picked, [list]: first } };
}
