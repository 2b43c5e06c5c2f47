import { needsApprovable, needsHub, needsIncident, needsOnline, needsWaiting } from './conditions.ts';
import type { Model } from './model.ts';
import { type Place, VIEWS, type ViewName } from './places.ts';

export type Command =
  | 'up'
  | 'down'
  | 'top'
  | 'bottom'
  | 'page-up'
  | 'page-down'
  | 'open'
  | 'back'
  | 'previous'
  | 'approve'
  | 'reject'
  | 'acknowledge'
  | 'probe'
  | 'ask'
  | 'evidence'
  | 'filter'
  | 'palette'
  | 'dismiss'
  | 'help'
  | 'quit'
  | 'stop'
  | ViewName
  /** Keys that a typed line or the dialog answers itself; here so that footer and help know of them. */
  | 'field'
  | 'consent';

/** One row of the only table of keys: handler, footer, help, palette and documents all read it. */
export interface Binding {
  readonly command: Command;
  readonly keys: readonly string[];
  /** How the keys are written for people; `keymap.ts` writes it anew where an operator chose others. */
  readonly shown: string;
  /** One word or two for the footer; empty keeps it out of the footer. */
  readonly footer: string;
  readonly help: string;
  readonly places: readonly Place[];
  /** In the palette under the command's name. */
  readonly inPalette?: true;
  /** Why it does nothing now; undefined when it does something. Disabled keys are shown, dim, and say why. */
  readonly why?: (model: Model) => string | undefined;
}

const LISTS: readonly Place[] = ['incidents', 'hosts', 'playbooks', 'audit', 'automation'];
const OPENED: readonly Place[] = ['incident', 'host', 'playbook', 'record'];
const MOVES: readonly Place[] = [...LISTS, ...OPENED, 'probe', 'help'];
const INCIDENT: readonly Place[] = ['incidents', 'incident'];
const FILTERED: readonly Place[] = ['incidents', 'hosts', 'playbooks', 'probe'];

export const BINDINGS: readonly Binding[] = [
  {
    command: 'down',
    keys: ['j', 'down'],
    shown: 'j k',
    footer: 'move',
    help: 'down and up (arrows too); scrolls where there is no list',
    places: MOVES,
  },
  { command: 'up', keys: ['k', 'up'], shown: 'k', footer: '', help: '', places: MOVES },
  {
    command: 'page-down',
    keys: ['ctrl-d', 'page-down', 'space'],
    shown: 'ctrl-d ctrl-u',
    footer: '',
    help: 'half a page down and up (page down, page up, space)',
    places: MOVES,
  },
  { command: 'page-up', keys: ['ctrl-u', 'page-up'], shown: 'ctrl-u', footer: '', help: '', places: MOVES },
  {
    command: 'top',
    keys: ['g', 'home'],
    shown: 'g G',
    footer: '',
    help: 'to the beginning, to the end',
    places: MOVES,
  },
  { command: 'bottom', keys: ['G', 'end'], shown: 'G', footer: '', help: '', places: MOVES },
  {
    command: 'open',
    keys: ['enter', 'right', 'l'],
    shown: 'enter',
    footer: 'open',
    help: 'open the selected incident',
    places: ['incidents'],
    why: needsIncident,
  },
  {
    command: 'open',
    keys: ['enter', 'right', 'l'],
    shown: 'enter',
    footer: 'open',
    help: 'open what is selected',
    places: ['hosts', 'playbooks', 'audit'],
  },
  {
    command: 'approve',
    keys: ['a'],
    shown: 'a',
    footer: 'approve',
    help: 'look at the plan and approve it; nothing runs before the dialog is answered',
    places: INCIDENT,
    inPalette: true,
    why: (model) => needsApprovable(model) ?? needsHub(model),
  },
  {
    command: 'reject',
    keys: ['r'],
    shown: 'r',
    footer: 'reject',
    help: 'reject the plan: nothing of it will run',
    places: INCIDENT,
    inPalette: true,
    why: (model) => needsWaiting(model) ?? needsHub(model),
  },
  {
    command: 'acknowledge',
    keys: ['o'],
    shown: 'o',
    footer: '',
    help: 'own it: it is yours until it closes, and nobody else is told of it again',
    places: INCIDENT,
    inPalette: true,
    why: (model) => needsWaiting(model) ?? needsHub(model),
  },
  {
    command: 'probe',
    keys: ['p'],
    shown: 'p',
    footer: 'probe',
    help: 'ask the host a read-only question: logs, processes, ports, folders',
    places: INCIDENT,
    inPalette: true,
    why: (model) => needsOnline(model) ?? needsHub(model),
  },
  {
    command: 'ask',
    keys: ['enter'],
    shown: 'enter',
    footer: 'ask',
    help: 'ask the selected question; the answer is kept with the incident',
    places: ['probe'],
    why: (model) => needsOnline(model) ?? needsHub(model),
  },
  {
    command: 'evidence',
    keys: ['e'],
    shown: 'e',
    footer: 'evidence',
    help: 'every fact that was gathered, or only those that the cause cites',
    places: ['incident'],
  },
  {
    command: 'filter',
    keys: ['/'],
    shown: '/',
    footer: 'filter',
    help: 'show only what has these words; !word leaves out what has it; esc clears it',
    places: FILTERED,
  },
  {
    command: 'palette',
    keys: [':'],
    shown: ':',
    footer: 'go',
    help: 'go to a view or a host, or run a command, by its name',
    places: [...MOVES],
  },
  ...VIEWS.map(
    ({ name, what }, index): Binding => ({
      command: name,
      keys: [String(index + 1)],
      shown: String(index + 1),
      footer: '',
      help: `${name}: ${what}`,
      places: [...MOVES],
      inPalette: true,
    }),
  ),
  {
    command: 'previous',
    keys: ['-'],
    shown: '-',
    footer: '',
    help: 'back to the view before this one',
    places: [...LISTS, ...OPENED, 'help'],
  },
  { command: 'dismiss', keys: ['x'], shown: 'x', footer: '', help: 'put the notice away', places: ['incidents'] },
  {
    command: 'back',
    keys: ['escape', 'left', 'h'],
    shown: 'esc',
    footer: 'back',
    help: 'one level back',
    places: [...OPENED, 'probe', 'help'],
  },
  {
    command: 'back',
    keys: ['escape'],
    shown: 'esc',
    footer: '',
    help: 'clear the filter, then put the notice away, then back to the incidents',
    places: LISTS,
  },
  { command: 'back', keys: ['q'], shown: 'q', footer: '', help: '', places: [...OPENED, 'probe', 'help'] },
  {
    command: 'field',
    keys: [],
    shown: 'letters',
    footer: '',
    help: 'the command: it is judged while you type, and never run; tab is the next host',
    places: ['policy'],
  },
  {
    command: 'field',
    keys: [],
    shown: 'esc',
    footer: 'back',
    help: 'empty the line, then back to the view before',
    places: ['policy'],
  },
  {
    command: 'field',
    keys: [],
    shown: 'tab',
    footer: 'next host',
    help: '',
    places: ['policy'],
  },
  {
    command: 'field',
    keys: [],
    shown: '[ ]',
    footer: '',
    help: 'what you went to before, in the palette; up and down select, enter goes, esc closes',
    places: ['palette'],
  },
  {
    command: 'consent',
    keys: ['enter', 'escape'],
    shown: 'enter esc',
    footer: 'deny',
    help: 'deny: nothing is signed (Deny has the focus)',
    places: ['consent'],
  },
  {
    command: 'consent',
    keys: ['j', 'k', 'down', 'up', 'page-down', 'page-up'],
    shown: 'j k',
    footer: 'read',
    help: 'read on; a plan is only approved once its last row was shown',
    places: ['consent'],
  },
  {
    command: 'consent',
    keys: ['y'],
    shown: 'y',
    footer: '',
    help: 'approve the steps before the first one that needs review; in the other dialog, reject',
    places: ['consent'],
  },
  {
    command: 'consent',
    keys: ['1', '2', '3', '4', '5', '6', '7', '8', '9'],
    shown: '1-9',
    footer: '',
    help: 'include, or leave out again, the review step with this number',
    places: ['consent'],
  },
  {
    command: 'consent',
    keys: ['Y'],
    shown: 'Y',
    footer: '',
    help: 'approve with the steps that you included',
    places: ['consent'],
  },
  {
    command: 'help',
    keys: ['?'],
    shown: '?',
    footer: 'help',
    help: 'this page',
    places: [...LISTS, ...OPENED, 'probe', 'help'],
    inPalette: true,
  },
  { command: 'quit', keys: ['q'], shown: 'q', footer: 'quit', help: 'quit', places: LISTS, inPalette: true },
  {
    command: 'stop',
    keys: ['ctrl-c'],
    shown: 'ctrl-c',
    footer: '',
    help: 'quit from anywhere; never approves anything',
    places: [...MOVES, 'filter', 'palette', 'policy', 'consent'],
  },
];
