import { CLOSED } from '../hub/incident.ts';
import type { DeskState } from './desk.ts';
import type { Key } from './keys.ts';
import type { Model, Ui } from './model.ts';
import type { ViewName } from './places.ts';

/** One stop: the view that it stands over, and what is said of it. Keys and words in it are those of the screen. */
export interface Stop {
  readonly view: ViewName;
  readonly title: string;
  readonly text: string;
}

export const STOPS: readonly Stop[] = [
  {
    view: 'incidents',
    title: 'home',
    text: 'What goes wrong stands here as an incident, what waits for you first. The line at the top says which site this is, whether anything may be changed (DRY-RUN or LIVE), how the hosts are and what waits for you.',
  },
  {
    view: 'hosts',
    title: 'the hosts (key 2)',
    text: 'Every host with its worst trouble, how its word comes here and a few of its metrics. enter opens one, t puts trouble first, / filters.',
  },
  {
    view: 'playbooks',
    title: 'what is known to help (key 3)',
    text: 'Each playbook and each of its commands with its verdict: allow runs with the plan, review runs only when you include that command by its number, block never runs. Key 4 judges any command that you type, and runs none.',
  },
  {
    view: 'automation',
    title: 'who decides (key 6)',
    text: 'You do. On an incident, a opens its plan in a dialog where Deny has the focus: enter denies, y approves, nothing is signed by a paste or in haste. Only a rule that an admin has signed lets anything run with nobody asked, and it stands here.',
  },
  {
    view: 'incidents',
    title: 'and from here',
    text: ': goes anywhere by its name, ? lists the keys, esc goes back. To see it all happen, run in another terminal: npm run -s sentinel -- scenario run memory-hog. This tour comes again with :tour.',
  },
];

/** An incident that is open: nothing stands over it. */
export const hasOpen = ({ incidents }: Pick<DeskState, 'incidents'>): boolean =>
  incidents.some(({ state }) => !CLOSED.has(state));

/** At its first stop, with nothing open over the view. */
export const begun = (ui: Ui): Ui => at({ ...ui, filter: '', asking: null, help: false }, 0);

function at(ui: Ui, stop: number): Ui {
  const view = STOPS[stop]?.view ?? 'incidents';
  return { ...ui, view, before: ui.view, open: null, scroll: 0, tour: stop };
}

/** Ends it where it stands. */
const ended = (ui: Ui): Ui => ({ ...ui, tour: null });

/** The tour gives way to an incident, which is at home. */
export function givenWay(ui: Ui, desk: DeskState): Ui {
  return ui.tour !== null && hasOpen(desk) ? { ...ended(ui), view: 'incidents', open: null } : ui;
}

/**
 * What a key does to the tour: on, back, or away. Any other key than these ends it and does what it always does
 * (`isTaken` false), so that it stands in nobody's way.
 */
export function tourKey({ ui }: Pick<Model, 'ui'>, pressed: Key): { readonly ui: Ui; readonly isTaken: boolean } {
  const stop = ui.tour ?? 0;
  const name = pressed.type === 'key' ? pressed.name : '';
  if (name === 'enter' || name === 'space' || name === 'right') {
    return { ui: stop + 1 < STOPS.length ? at(ui, stop + 1) : ended(ui), isTaken: true };
  }
  if (name === 'left') return { ui: at(ui, Math.max(0, stop - 1)), isTaken: true };
  if (name === 'escape') return { ui: { ...ended(ui), view: 'incidents' }, isTaken: true };
  return { ui: ended(ui), isTaken: false };
}
