import type { RememberedRule } from '../broker/remembered.ts';
import type { Incident } from '../hub/incident.ts';
import { pickedRule } from './automation-list.ts';
import type { Command } from './bindings.ts';
import { type Consent, consentKeys, openConsent, openPlain } from './consent.ts';
import { bindingOf } from './keymap.ts';
import { type Key, typed } from './keys.ts';
import { whyNotLater, withLater } from './later.ts';
import { idsOf, stepped } from './lists.ts';
import { incidentAt, isTooSmall, type Model, placeOf, type Ui } from './model.ts';
import { type Offer, paletteKey } from './palette.ts';
import { OPENS, type ViewName } from './places.ts';
import { questions } from './questions.ts';
import { sandboxKey } from './sandbox.ts';
import { begun, tourKey } from './tour.ts';

/** What must happen outside the screen. */
export type Effect =
  | { readonly type: 'quit' }
  | {
      readonly type: 'approve';
      readonly incident: string;
      readonly host: string;
      readonly planHash: string;
      readonly reviewed: readonly number[];
      readonly through: number;
      /** What is signed for later too, once the plan is approved. */
      readonly rule: RememberedRule | null;
    }
  | { readonly type: 'forget'; readonly rule: string }
  | { readonly type: 'halt' }
  | { readonly type: 'reject'; readonly incident: string; readonly host: string }
  | { readonly type: 'acknowledge'; readonly incident: string }
  | { readonly type: 'probe'; readonly incident: string; readonly probe: string; readonly name: string };

export interface Turn {
  readonly ui: Ui;
  readonly effect?: Effect;
}

/** A filter longer than this matches nothing anyway. */
const FILTER_LENGTH = 64;

/**
 * What one chunk of input does: the next screen state, and at most one effect. Pure: `model.now` is the clock.
 * Keys of a chunk are taken one after another, except by the dialog, which must see the chunk as it came. `find` gives an
 * incident: a key that acts is about what the key before it has selected.
 */
export function press(model: Model, chunk: readonly Key[], find: (id: string | null) => Model['incident']): Turn {
  let ui = model.ui;
  for (const [index, pressed] of chunk.entries()) {
    if (pressed.type === 'key' && pressed.name === 'ctrl-c') return { ui, effect: { type: 'quit' } };
    if (isTooSmall(model)) {
      if (pressed.type === 'key' && pressed.name === 'q') return { ui, effect: { type: 'quit' } };
      continue;
    }
    if (ui.tour !== null) {
      const { ui: next, isTaken } = tourKey({ ui }, pressed);
      ui = next;
      if (isTaken) continue;
    }
    // A dialog that this very chunk opened settles first: its first guard drops the rest.
    if (ui.consent !== null) return answer({ ...model, ui }, index === 0 ? chunk : chunk.slice(index));
    const turn = one({ ...model, ui, incident: index === 0 ? model.incident : find(incidentAt(ui)) }, pressed);
    ui = turn.ui;
    if (turn.effect === undefined) continue;
    if (chunk.length === 1 || turn.effect.type === 'quit') return turn;
    // What was typed or pasted for another window may hold a key that acts: one that acts is pressed alone.
    return { ui: { ...ui, toast: { text: 'Several keys at once do nothing to a host: press one.', tone: 'wait' } } };
  }
  return { ui };
}

function answer(model: Model, chunk: readonly Key[]): Turn {
  const { ui } = model;
  if (ui.consent === null) return { ui };
  if (chunk.some((pressed) => pressed.type === 'key' && pressed.name === 'ctrl-c'))
    return { ui, effect: { type: 'quit' } };
  const { act, incident, host } = ui.consent;
  const outcome = consentKeys(ui.consent, chunk, model.now);
  switch (outcome.type) {
    case 'open':
      return { ui: { ...ui, consent: outcome.consent } };
    case 'closed': {
      const text = outcome.why === 'denied' ? DENIED[act] : 'The plan changed: read it again.';
      return { ui: { ...ui, consent: null, toast: { text, tone: outcome.why === 'denied' ? 'plain' : 'wait' } } };
    }
    case 'approved': {
      // Back to the top of an open incident, where what runs is shown.
      const { planHash, reviewed, through, rule } = outcome;
      return {
        ui: { ...ui, consent: null, scroll: 0, toast: { text: `Signing for ${host}…`, tone: 'plain' } },
        effect: { type: 'approve', incident, host, planHash, reviewed, through, rule },
      };
    }
    case 'later':
      return { ui: { ...ui, consent: withLater(model, outcome.consent, outcome.asked) } };
    case 'revoked':
      return { ui: { ...ui, consent: null }, effect: { type: 'forget', rule: host } };
    case 'rejected':
      return { ui: { ...ui, consent: null }, effect: { type: 'reject', incident, host } };
    case 'halted':
      return {
        ui: { ...ui, consent: null, toast: { text: 'Halting…', tone: 'plain' } },
        effect: { type: 'halt' },
      };
    default:
      return outcome satisfies never;
  }
}

const DENIED = {
  approve: 'Nothing was signed: the plan still waits.',
  reject: 'Nothing was signed: the plan still waits.',
  halt: 'Nothing was halted.',
  revoke: 'Nothing was revoked.',
} as const;

function one(model: Model, pressed: Key): Turn {
  const ui: Ui = { ...model.ui, toast: null };
  if (ui.palette !== null) {
    const turn = paletteKey({ ...model, ui }, ui.palette, pressed);
    return turn.chosen === undefined ? turn : choose({ ...model, ui: turn.ui }, turn.chosen);
  }
  if (ui.filtering) return { ui: filterKey(ui, pressed) };
  const place = placeOf(ui);
  if (place === 'policy') {
    const turn = sandboxKey({ ...model, ui }, pressed);
    return turn.leave === undefined ? turn : { ui: gone(turn.ui, turn.ui.before) };
  }
  if (pressed.type === 'paste') {
    return { ui: { ...ui, toast: { text: 'A paste does nothing here.', tone: 'plain' } } };
  }
  const binding = bindingOf(model.keys, place, pressed.name);
  if (binding === undefined) return { ui: { ...ui, toast: unknownKey(model, pressed.name) } };
  const why = binding.why?.(model);
  if (why !== undefined) {
    const name = binding.footer || binding.command;
    return { ui: { ...ui, toast: { text: `${binding.shown} ${name}: ${why}`, tone: 'wait' } } };
  }
  return run({ ...model, ui }, binding.command);
}

/** A key that means something elsewhere says where; what terminals send by themselves is passed over. */
function unknownKey({ keys }: Model, name: string): Ui['toast'] {
  if (name === 'unknown') return null;
  const elsewhere = keys.find((binding) => binding.keys.includes(name) && binding.help !== '');
  const where = elsewhere === undefined ? '' : `; ${name} is for ${elsewhere.places.slice(0, 3).join(', ')}`;
  return { text: `${name} does nothing here${where}. ? shows the keys.`, tone: 'plain' };
}

/** What was chosen in the palette is held to the same conditions as its key. */
function choose(model: Model, { does }: Offer): Turn {
  const { ui } = model;
  if ('host' in does) {
    const there = gone(ui, 'hosts');
    return { ui: { ...there, open: does.host, picked: { ...there.picked, hosts: does.host } } };
  }
  const place = placeOf(ui);
  const same = model.keys.filter(({ command }) => command === does.command);
  const binding = same.find(({ places }) => places.includes(place)) ?? same.find(({ places }) => places.length > 0);
  if (binding === undefined) return { ui };
  const here = binding.places.includes(place);
  const why = here ? binding.why?.(model) : `it is for ${binding.places.slice(0, 3).join(', ')}`;
  if (why !== undefined) return { ui: { ...ui, toast: { text: `${does.command}: ${why}`, tone: 'wait' } } };
  return run(model, does.command);
}

function filterKey(ui: Ui, pressed: Key): Ui {
  if (pressed.type === 'paste') {
    return { ...ui, filter: `${ui.filter}${pressed.text.replace(/[^\x20-\x7e]/g, '')}`.slice(0, FILTER_LENGTH) };
  }
  if (pressed.name === 'enter') return { ...ui, filtering: false };
  if (pressed.name === 'escape') return { ...ui, filtering: false, filter: '' };
  if (pressed.name === 'backspace') return { ...ui, filter: [...ui.filter].slice(0, -1).join('') };
  if (pressed.name === 'ctrl-u') return { ...ui, filter: '' };
  const character = typed(pressed);
  return character === undefined ? ui : { ...ui, filter: `${ui.filter}${character}`.slice(0, FILTER_LENGTH) };
}

function run(model: Model, command: Command): Turn {
  const { ui, incident } = model;
  const page = Math.max(1, Math.floor((model.rows - 5) / 2));
  switch (command) {
    case 'down':
      return { ui: move(model, 1) };
    case 'up':
      return { ui: move(model, -1) };
    case 'page-down':
      return { ui: move(model, page) };
    case 'page-up':
      return { ui: move(model, -page) };
    case 'top':
      return { ui: move(model, Number.NEGATIVE_INFINITY) };
    case 'bottom':
      return { ui: move(model, Number.POSITIVE_INFINITY) };
    case 'open':
      return { ui: opened(model) };
    case 'back':
      return { ui: back(model) };
    case 'previous':
      return { ui: gone(ui, ui.before) };
    case 'approve':
    case 'reject':
      if (incident === undefined) return { ui };
      return { ui: { ...ui, consent: asked(model, command, incident) } };
    case 'halt':
      return { ui: { ...ui, consent: openPlain('halt', model.desk.site, model.now) } };
    case 'revoke':
      return { ui: { ...ui, consent: openPlain('revoke', pickedRule(model)?.id ?? '', model.now) } };
    case 'acknowledge':
      return incident === undefined ? { ui } : { ui, effect: { type: 'acknowledge', incident: incident.id } };
    case 'probe':
      return { ui: { ...ui, asking: incident?.id ?? null, filter: '', scroll: 0 } };
    case 'ask':
      return ask(model);
    case 'evidence':
      return { ui: { ...ui, allEvidence: !ui.allEvidence } };
    case 'order':
      return { ui: { ...ui, fleetOrder: ui.fleetOrder === 'group' ? 'trouble' : 'group' } };
    case 'filter':
      return { ui: { ...ui, filtering: true } };
    case 'palette':
      return { ui: { ...ui, palette: { text: '', at: 0, back: -1 } } };
    case 'incidents':
    case 'hosts':
    case 'playbooks':
    case 'policy':
    case 'audit':
    case 'automation':
    case 'eval':
    case 'doctor':
      return { ui: gone(ui, command) };
    case 'dismiss':
      return { ui: { ...ui, dismissed: model.desk.notice } };
    case 'tour':
      return { ui: begun(ui) };
    case 'help':
      return { ui: { ...ui, help: !ui.help, scroll: 0 } };
    case 'quit':
    case 'stop':
      return { ui, effect: { type: 'quit' } };
    case 'consent':
    case 'field':
      return { ui };
    default:
      return command satisfies never;
  }
}

function ask(model: Model): Turn {
  const { ui, incident } = model;
  const question = questions(model).find(({ id }) => id === ui.picked.probe);
  if (incident === undefined || question === undefined) return { ui };
  const { probe, name } = question;
  const toast = { text: `Asking ${incident.host}: ${question.what}…`, tone: 'plain' } as const;
  return { ui: { ...ui, toast, scroll: 0 }, effect: { type: 'probe', incident: incident.id, probe, name } };
}

/** To another view, or to the list of this one: nothing stays open over it. */
function gone(ui: Ui, view: ViewName): Ui {
  const before = ui.view === view ? ui.before : ui.view;
  return { ...ui, view, before, open: null, asking: null, help: false, filter: '', scroll: 0 };
}

const asked = (model: Model, act: 'approve' | 'reject', incident: Incident): Consent =>
  openConsent(act, incident, model.now, act === 'approve' ? whyNotLater(model) : '');

function opened(model: Model): Ui {
  const { ui } = model;
  if (ui.view === 'policy' || OPENS[ui.view] === undefined) return ui;
  const id = ui.picked[ui.view];
  // Of the automation's list only what is remembered is its own: the rest are incidents, which have a view.
  if (ui.view === 'automation' && id !== null && pickedRule(model) === undefined) {
    const there = gone(ui, 'incidents');
    return { ...there, open: id, picked: { ...there.picked, incidents: id } };
  }
  return { ...ui, open: id, scroll: 0 };
}

function back(model: Model): Ui {
  const { ui, desk } = model;
  if (ui.help) return { ...ui, help: false, scroll: 0 };
  if (ui.asking !== null) return { ...ui, asking: ui.filter === '' ? null : ui.asking, filter: '', scroll: 0 };
  if (ui.open !== null) return { ...ui, open: null, scroll: 0 };
  if (ui.filter !== '') return { ...ui, filter: '' };
  if (ui.view !== 'incidents') return gone(ui, 'incidents');
  return { ...ui, dismissed: desk.notice };
}

function move(model: Model, by: number): Ui {
  const { ui } = model;
  if (ui.asking === null && (ui.help || ui.open !== null)) {
    // The frame clamps the scroll to what there is; infinity must not stay in the state.
    return { ...ui, scroll: Math.max(0, Math.min(100_000, ui.scroll + by)) };
  }
  const list = ui.asking !== null ? 'probe' : ui.view;
  if (list === 'policy') return ui;
  return { ...ui, picked: { ...ui.picked, [list]: stepped(idsOf(list, model), ui.picked[list], by) } };
}
