import { WAITS_FOR_PERSON } from '../hub/incident.ts';
import { whyNotApprovable } from './consent.ts';
import type { Model, Place } from './model.ts';

export type Command =
  | 'up'
  | 'down'
  | 'top'
  | 'bottom'
  | 'page-up'
  | 'page-down'
  | 'open'
  | 'back'
  | 'approve'
  | 'reject'
  | 'filter'
  | 'incidents'
  | 'hosts'
  | 'dismiss'
  | 'help'
  | 'quit'
  | 'stop'
  | 'consent';

/** One row of the only table of keys: the handler, the footer and the help all read it. */
export interface Binding {
  readonly command: Command;
  readonly keys: readonly string[];
  /** How the keys are written for people. */
  readonly shown: string;
  /** One word or two for the footer; empty keeps it out of the footer. */
  readonly footer: string;
  readonly help: string;
  readonly places: readonly Place[];
  /** Why it does nothing now; undefined when it does something. Disabled keys are shown, dim, and say why. */
  readonly why?: (model: Model) => string | undefined;
}

const LISTS: readonly Place[] = ['incidents', 'hosts'];
const MOVES: readonly Place[] = ['incidents', 'hosts', 'incident', 'help'];
const INCIDENT: readonly Place[] = ['incidents', 'incident'];

const needsIncident = (model: Model) => (model.incident === undefined ? 'no incident is selected' : undefined);

const needsWaiting = (model: Model) => {
  if (model.incident === undefined) return 'no incident is selected';
  return WAITS_FOR_PERSON.has(model.incident.state)
    ? undefined
    : `the incident is ${model.incident.state.replace('_', ' ')}: nothing waits for you`;
};

const needsApprovable = (model: Model) =>
  model.incident === undefined ? 'no incident is selected' : whyNotApprovable(model.incident, model.now);

const needsHub = (model: Model) =>
  model.desk.hub === 'down' ? 'the hub is down: nothing can be signed now' : undefined;

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
  {
    command: 'page-up',
    keys: ['ctrl-u', 'page-up'],
    shown: 'ctrl-u',
    footer: '',
    help: '',
    places: MOVES,
  },
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
    command: 'approve',
    keys: ['a'],
    shown: 'a',
    footer: 'approve',
    help: 'look at the plan and approve it; nothing runs before the dialog is answered',
    places: INCIDENT,
    why: (model) => needsApprovable(model) ?? needsHub(model),
  },
  {
    command: 'reject',
    keys: ['r'],
    shown: 'r',
    footer: 'reject',
    help: 'reject the plan: nothing of it will run',
    places: INCIDENT,
    why: (model) => needsWaiting(model) ?? needsHub(model),
  },
  {
    command: 'filter',
    keys: ['/'],
    shown: '/',
    footer: 'filter',
    help: 'show only incidents with this text; esc clears it',
    places: ['incidents'],
  },
  { command: 'incidents', keys: ['1'], shown: '1', footer: '', help: 'incidents', places: MOVES },
  {
    command: 'hosts',
    keys: ['2'],
    shown: '2',
    footer: 'hosts',
    help: 'hosts and their telemetry',
    places: ['incidents', 'incident', 'help'],
  },
  { command: 'incidents', keys: ['1'], shown: '1', footer: 'incidents', help: '', places: ['hosts'] },
  { command: 'dismiss', keys: ['x'], shown: 'x', footer: '', help: 'put the notice away', places: LISTS },
  {
    command: 'back',
    keys: ['escape', 'left', 'h'],
    shown: 'esc',
    footer: 'back',
    help: 'one level back',
    places: ['incident', 'help'],
  },
  {
    command: 'back',
    keys: ['escape'],
    shown: 'esc',
    footer: '',
    help: 'clear the filter, then put the notice away',
    places: LISTS,
  },
  { command: 'back', keys: ['q'], shown: 'q', footer: '', help: '', places: ['incident', 'help'] },
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
    places: [...LISTS, 'incident', 'help'],
  },
  { command: 'quit', keys: ['q'], shown: 'q', footer: 'quit', help: 'quit', places: LISTS },
  {
    command: 'stop',
    keys: ['ctrl-c'],
    shown: 'ctrl-c',
    footer: '',
    help: 'quit from anywhere; never approves anything',
    places: [...MOVES, 'filter', 'consent'],
  },
];

/** The binding of a key where the operator is, or undefined. */
export function bindingOf(place: Place, name: string): Binding | undefined {
  return BINDINGS.find((binding) => binding.places.includes(place) && binding.keys.includes(name));
}
