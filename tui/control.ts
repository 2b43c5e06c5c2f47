import { bindingOf, type Command } from './bindings.ts';
import { consentKeys, openConsent } from './consent.ts';
import { type Key, typed } from './keys.ts';
import { groups, isTooSmall, type Model, placeOf, type Ui } from './model.ts';

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
    }
  | { readonly type: 'reject'; readonly incident: string; readonly host: string };

export interface Turn {
  readonly ui: Ui;
  readonly effect?: Effect;
}

/** A filter longer than this matches nothing anyway. */
const FILTER_LENGTH = 64;

/**
 * What one chunk of input does: the next screen state, and at most one effect. Pure: `model.now` is the clock.
 * Keys of a chunk are taken one after another, except by the dialog, which must see the chunk as it came.
 */
export function press(model: Model, chunk: readonly Key[]): Turn {
  let ui = model.ui;
  for (const [index, pressed] of chunk.entries()) {
    if (pressed.type === 'key' && pressed.name === 'ctrl-c') return { ui, effect: { type: 'quit' } };
    if (isTooSmall(model)) {
      if (pressed.type === 'key' && pressed.name === 'q') return { ui, effect: { type: 'quit' } };
      continue;
    }
    // A dialog that this very chunk opened settles first, so the rest of the chunk is dropped by its first guard.
    if (ui.consent !== null) return answer({ ...model, ui }, index === 0 ? chunk : chunk.slice(index));
    const turn = one({ ...model, ui }, pressed);
    ui = turn.ui;
    if (turn.effect !== undefined) return turn;
  }
  return { ui };
}

function answer(model: Model, chunk: readonly Key[]): Turn {
  const { ui } = model;
  if (ui.consent === null) return { ui };
  if (chunk.some((pressed) => pressed.type === 'key' && pressed.name === 'ctrl-c'))
    return { ui, effect: { type: 'quit' } };
  const { incident, host } = ui.consent;
  const outcome = consentKeys(ui.consent, chunk, model.now);
  switch (outcome.type) {
    case 'open':
      return { ui: { ...ui, consent: outcome.consent } };
    case 'closed': {
      const text =
        outcome.why === 'denied' ? 'Nothing was signed: the plan still waits.' : 'The plan changed: read it again.';
      return { ui: { ...ui, consent: null, toast: { text, tone: outcome.why === 'denied' ? 'plain' : 'wait' } } };
    }
    case 'approved': {
      const { planHash, reviewed, through } = outcome;
      return {
        ui: { ...ui, consent: null, toast: { text: `Signing for ${host}…`, tone: 'plain' } },
        effect: { type: 'approve', incident, host, planHash, reviewed, through },
      };
    }
    case 'rejected':
      return { ui: { ...ui, consent: null }, effect: { type: 'reject', incident, host } };
    default:
      return outcome satisfies never;
  }
}

function one(model: Model, pressed: Key): Turn {
  const ui: Ui = { ...model.ui, toast: null };
  if (ui.filtering) return { ui: filterKey(ui, pressed) };
  if (pressed.type === 'paste') {
    return { ui: { ...ui, toast: { text: 'A paste does nothing here.', tone: 'plain' } } };
  }
  const binding = bindingOf(placeOf(ui), pressed.name);
  if (binding === undefined) return { ui };
  const why = binding.why?.(model);
  if (why !== undefined)
    return { ui: { ...ui, toast: { text: `${binding.shown} ${binding.footer}: ${why}`, tone: 'wait' } } };
  return run({ ...model, ui }, binding.command);
}

function filterKey(ui: Ui, pressed: Key): Ui {
  if (pressed.type === 'paste') {
    return { ...ui, filter: `${ui.filter}${pressed.text.replace(/[^\x20-\x7e]/g, '')}`.slice(0, FILTER_LENGTH) };
  }
  if (pressed.name === 'enter') return { ...ui, filtering: false };
  if (pressed.name === 'escape') return { ...ui, filtering: false, filter: '' };
  if (pressed.name === 'backspace') return { ...ui, filter: [...ui.filter].slice(0, -1).join('') };
  const character = typed(pressed);
  return character === undefined ? ui : { ...ui, filter: `${ui.filter}${character}`.slice(0, FILTER_LENGTH) };
}

function run(model: Model, command: Command): Turn {
  const { ui } = model;
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
      return { ui: { ...ui, open: model.incident?.id ?? null, scroll: 0 } };
    case 'back':
      return { ui: back(model) };
    case 'approve':
    case 'reject':
      if (model.incident === undefined) return { ui };
      return { ui: { ...ui, consent: openConsent(command, model.incident, model.now) } };
    case 'filter':
      return { ui: { ...ui, filtering: true } };
    case 'incidents':
    case 'hosts':
      return { ui: { ...ui, view: command, open: null, help: false, scroll: 0 } };
    case 'dismiss':
      return { ui: { ...ui, dismissed: model.desk.notice } };
    case 'help':
      return { ui: { ...ui, help: !ui.help, scroll: 0 } };
    case 'quit':
    case 'stop':
      return { ui, effect: { type: 'quit' } };
    case 'consent':
      return { ui };
    default:
      return command satisfies never;
  }
}

function back(model: Model): Ui {
  const { ui, desk } = model;
  if (ui.help) return { ...ui, help: false, scroll: 0 };
  if (ui.open !== null) return { ...ui, open: null, scroll: 0 };
  if (ui.filter !== '') return { ...ui, filter: '' };
  return { ...ui, dismissed: desk.notice };
}

function step(ids: readonly string[], selected: string | null, by: number): string | null {
  const from = selected === null ? -1 : ids.indexOf(selected);
  const to = Math.max(0, Math.min(ids.length - 1, Math.max(0, from) + by));
  return ids[to] ?? null;
}

function move(model: Model, by: number): Ui {
  const { ui, desk, now } = model;
  // The frame clamps the scroll to what there is; infinity must not stay in the state.
  if (ui.help || ui.open !== null) return { ...ui, scroll: Math.max(0, Math.min(100_000, ui.scroll + by)) };
  if (ui.view === 'hosts') {
    return {
      ...ui,
      host: step(
        desk.hosts.map((host) => host.agent),
        ui.host,
        by,
      ),
    };
  }
  const ids = groups(desk.incidents, ui.filter, now).flatMap((group) => group.rows.map((row) => row.id));
  return { ...ui, incident: step(ids, ui.incident, by) };
}
