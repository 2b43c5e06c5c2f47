import { z } from 'zod';
import { parseConfig, readConfigFile } from '../hub/config-file.ts';
import { BINDINGS, type Binding, type Command } from './bindings.ts';
import { controlName, FINALS, TILDES } from './key-names.ts';
import type { Place } from './places.ts';

/** The keys as this operator has them: the table of bindings, with theirs in place of ours. */
export type Keymap = readonly Binding[];

/** These mean the same to everyone, everywhere: nothing may be put on them, or taken off. */
const FIXED = new Set(['enter', 'escape', 'ctrl-c', 'ctrl-z']);
/** What the dialog and typed lines understand is not a matter of taste. */
const UNCHANGEABLE: ReadonlySet<Command> = new Set<Command>(['consent', 'field', 'stop']);
/** Two commands that are written as one in footer and help, and the other one of each. */
const PAIRS: Readonly<Partial<Record<Command, Command>>> = { down: 'up', 'page-down': 'page-up', top: 'bottom' };

/** Keys that are one byte beside letters and signs. */
const BYTES = new Set(['space', ...Array.from({ length: 32 }, (_, byte) => controlName(byte)), controlName(127)]);
/** Keys that are a sequence, which may say what was held with them. */
const SEQUENCES = new Set([...Object.values(FINALS), ...Object.values(TILDES)]);
const MODIFIER = /^(?:ctrl-)?(?:alt-)?(?:shift-)?/;

const CHANGEABLE = [...new Set(BINDINGS.map(({ command }) => command))].filter((one) => !UNCHANGEABLE.has(one));

/**
 * Whether the parser can ever name a key so, by its own tables: a capital letter is itself and has no `shift-`, ctrl goes
 * with small letters and few signs, and modifiers stand in one order before keys that have a sequence of their own.
 */
export function isSent(name: string): boolean {
  if (/^[!-~]$/.test(name) || BYTES.has(name)) return true;
  // Escape before a byte is that key with alt; before these it begins a sequence, or is one.
  const alt = /^alt-(.+)$/s.exec(name)?.[1];
  if (alt !== undefined && (BYTES.has(alt) || /^[!-~]$/.test(alt))) return alt !== 'escape';
  const bare = name.replace(MODIFIER, '');
  return name === 'shift-tab' || SEQUENCES.has(bare);
}

const key = z.string().superRefine((name, found) => {
  const message = FIXED.has(name)
    ? `${[...FIXED].join(', ')} mean the same to everyone: choose another key`
    : isSent(name)
      ? null
      : `no terminal sends ${JSON.stringify(name)}: write a key as one letter or sign, or as ctrl-d, page-down, f5 and so on`;
  if (message !== null) found.addIssue({ code: 'custom', message });
});

const file = z
  .strictObject({
    version: z.literal(1, { error: 'write `version: 1`' }),
    keys: z.record(z.string(), z.array(key).min(1).max(8)),
  })
  .superRefine(({ keys }, found) => {
    for (const command of Object.keys(keys)) {
      if (!CHANGEABLE.some((one) => one === command)) {
        found.addIssue({
          code: 'custom',
          path: ['keys', command],
          message: `there is no command ${JSON.stringify(command)}; there are ${CHANGEABLE.join(', ')}`,
        });
        return;
      }
    }
    const clash = clashOf(withKeys(keys));
    if (clash === null) return;
    const named = clash.commands.find((command) => keys[command] !== undefined) ?? clash.commands[0];
    found.addIssue({
      code: 'custom',
      path: ['keys', named],
      message: `${clash.key} is ${clash.commands.join(' and ')} at once (${clash.place}): give one of them another key`,
    });
  });

/** The keys that this installation ships. */
export const STANDARD_KEYS: Keymap = BINDINGS;

/** Reads an operator's keys; the shipped ones where there is no such file. Throws ConfigError with file and line. */
export function readKeys(path: string): Keymap {
  const { keys } = readConfigFile(path, file, { version: 1, keys: {} });
  return withKeys(keys);
}

/** The same for a text; `path` is only for messages. */
export function parseKeys(path: string, text: string): Keymap {
  return withKeys(parseConfig(path, text, file).keys);
}

/** The binding of a key where the operator is, or undefined. */
export function bindingOf(keys: Keymap, place: Place, name: string): Binding | undefined {
  return keys.find((binding) => binding.places.includes(place) && binding.keys.includes(name));
}

/** How a key is written for people. */
const written = (name: string): string => (name === 'escape' ? 'esc' : name);

function withKeys(chosen: Readonly<Record<string, readonly string[]>>): Keymap {
  if (Object.keys(chosen).length === 0) return BINDINGS;
  const first = (command: Command) => {
    const keys = chosen[command] ?? BINDINGS.find((one) => one.command === command)?.keys ?? [];
    return written(keys[0] ?? '');
  };
  return BINDINGS.map((binding) => {
    const { command } = binding;
    const own = chosen[command];
    const other = PAIRS[command];
    if (own === undefined && (other === undefined || chosen[other] === undefined)) return binding;
    // Keys that mean the same to everyone stay with their command.
    const keys = own === undefined ? binding.keys : [...binding.keys.filter((one) => FIXED.has(one)), ...own];
    const shown = other === undefined ? first(command) : `${first(command)} ${first(other)}`;
    return { ...binding, keys, shown: binding.keys.some((one) => FIXED.has(one)) ? binding.shown : shown };
  });
}

/** A key that means two things in one place; the table may name one command twice. */
function clashOf(
  keys: Keymap,
): { readonly key: string; readonly place: Place; readonly commands: readonly [Command, Command] } | null {
  const taken = new Map<string, Command>();
  for (const { command, keys: names, places } of keys) {
    for (const place of places) {
      for (const name of names) {
        const slot = `${place} ${name}`;
        const other = taken.get(slot);
        if (other !== undefined && other !== command) return { key: name, place, commands: [other, command] };
        taken.set(slot, command);
      }
    }
  }
  return null;
}
