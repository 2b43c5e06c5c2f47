import type { Command } from './bindings.ts';
import { type Key, typed } from './keys.ts';
import type { Model, Palette, Ui } from './model.ts';
import { VIEWS } from './places.ts';

/** What the palette offers: a view or another command by its name, or a host. */
export interface Offer {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly what: string;
  readonly does: { readonly command: Command } | { readonly host: string };
}

/** Nothing that is offered has a longer name. */
const LONGEST = 64;
/** What was gone to before, and is offered first. */
const REMEMBERED = 20;
/** Hosts among the offers: a site has thousands, and who types on narrows them. */
const HOSTS = 20;

/** Everything that can be gone to or done from here, views first: from the same tables as the keys. */
function everything({ desk, keys }: Pick<Model, 'desk' | 'keys'>): readonly Offer[] {
  const commands = keys.filter(
    (binding, index) =>
      binding.inPalette === true && keys.findIndex(({ command }) => command === binding.command) === index,
  );
  const offers = commands.map(({ command, help }): Offer => {
    const view = VIEWS.find(({ name }) => name === command);
    const aliases: readonly string[] = view?.aliases ?? (command === 'quit' ? ['q'] : []);
    return { name: command, aliases, what: view?.what ?? help, does: { command } };
  });
  const views = offers.filter(({ name }) => VIEWS.some((view) => view.name === name));
  return [...views, ...offers.filter((offer) => !views.includes(offer)), ...hosts(desk.hosts)];
}

const hosts = (rows: Model['desk']['hosts']): readonly Offer[] =>
  rows.map(({ agent, state }) => ({ name: agent, aliases: [], what: `the host, ${state}`, does: { host: agent } }));

/** How well a name fits what was typed; 0: not at all. */
function fits(offer: Offer, text: string): number {
  const names = [offer.name, ...offer.aliases].map((name) => name.toLowerCase());
  if (names.includes(text)) return 3;
  if (names.some((name) => name.startsWith(text))) return 2;
  return names.some((name) => name.includes(text)) ? 1 : 0;
}

/** What fits the text, best first; with nothing typed what was used last stands first. */
export function offers(model: Pick<Model, 'desk' | 'keys' | 'ui'>, text: string): readonly Offer[] {
  const all = everything(model);
  const wanted = text.trim().toLowerCase();
  if (wanted === '') {
    const { gone } = model.ui;
    const used = gone.flatMap((name) => all.find((offer) => offer.name === name) ?? []);
    const rest = all.filter((offer) => !used.includes(offer));
    return [...used, ...rest].slice(0, all.length - Math.max(0, model.desk.hosts.length - HOSTS));
  }
  return all
    .map((offer) => ({ offer, fit: fits(offer, wanted) }))
    .filter(({ fit }) => fit > 0)
    .sort((a, b) => b.fit - a.fit)
    .map(({ offer }) => offer);
}

/** What a key does to the open palette: the next state, and what was chosen. */
export function paletteKey(model: Model, palette: Palette, pressed: Key): { readonly ui: Ui; readonly chosen?: Offer } {
  const { ui } = model;
  const put = (change: Partial<Palette>) => ({ ui: { ...ui, palette: { ...palette, ...change } } });
  if (pressed.type === 'paste') {
    return put({ text: `${palette.text}${pressed.text.replace(/[^\x20-\x7e]/g, '')}`.slice(0, LONGEST), at: 0 });
  }
  const found = offers(model, palette.text);
  switch (pressed.name) {
    case 'escape':
      return { ui: { ...ui, palette: null } };
    case 'enter': {
      const chosen = found[palette.at];
      if (chosen === undefined) return put({});
      const gone = [chosen.name, ...ui.gone.filter((name) => name !== chosen.name)].slice(0, REMEMBERED);
      return { ui: { ...ui, palette: null, gone }, chosen };
    }
    case 'down':
    case 'tab':
    case 'ctrl-n':
      return put({ at: Math.max(0, Math.min(found.length - 1, palette.at + 1)) });
    case 'up':
    case 'shift-tab':
    case 'ctrl-p':
      return put({ at: Math.max(0, palette.at - 1) });
    case '[':
    case ']': {
      const back = Math.max(-1, Math.min(ui.gone.length - 1, palette.back + (pressed.name === '[' ? 1 : -1)));
      return put({ back, text: ui.gone[back] ?? '', at: 0 });
    }
    case 'backspace':
      // An empty line that is emptied further is left.
      if (palette.text === '') return { ui: { ...ui, palette: null } };
      return put({ text: [...palette.text].slice(0, -1).join(''), at: 0 });
    case 'ctrl-u':
      return put({ text: '', at: 0 });
    default: {
      const character = typed(pressed);
      return character === undefined ? put({}) : put({ text: `${palette.text}${character}`.slice(0, LONGEST), at: 0 });
    }
  }
}
