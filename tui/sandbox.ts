import { type Key, typed } from './keys.ts';
import type { Model, Sandbox, Ui } from './model.ts';

/** A command is no longer than policy takes one. */
const LONGEST = 4_096;

/** What a key does to the line of the policy view; nothing of it is ever run. */
export function sandboxKey(model: Model, pressed: Key): { readonly ui: Ui; readonly leave?: true } {
  const { ui, desk } = model;
  const { text, host } = ui.sandbox;
  const put = (change: Partial<Sandbox>) => ({ ui: { ...ui, sandbox: { ...ui.sandbox, ...change } } });
  if (pressed.type === 'paste') {
    return put({ text: `${text}${pressed.text.replace(/[\r\n\t]+/g, ' ')}`.slice(0, LONGEST) });
  }
  switch (pressed.name) {
    case 'escape':
      return text === '' ? { ui, leave: true } : put({ text: '' });
    case 'tab': {
      const hosts = [null, ...desk.hosts.map(({ agent }) => agent)];
      return put({ host: hosts[(hosts.indexOf(host) + 1) % hosts.length] ?? null });
    }
    case 'backspace':
      return put({ text: [...text].slice(0, -1).join('') });
    case 'ctrl-u':
      return put({ text: '' });
    case 'ctrl-w':
      return put({ text: text.replace(/\S+\s*$/, '') });
    default: {
      const character = typed(pressed);
      return character === undefined ? put({}) : put({ text: `${text}${character}`.slice(0, LONGEST) });
    }
  }
}
