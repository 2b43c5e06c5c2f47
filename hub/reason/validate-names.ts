import type { Entity } from '../evidence/evidence.ts';

/**
 * Finds what a proposed command names and the evidence does not hold: a pid, a unit, a path that a model made up.
 * A rough reading by words, on purpose: the policy compiles and judges the command afterwards; this only spares an
 * operator a plan about things that nobody saw.
 */
export function unseenNames(command: string, entities: readonly Entity[]): readonly string[] {
  return parts(command).flatMap((words) => {
    const at = words.findIndex((word) => TOOLS.has(baseName(word)));
    const tool = baseName(words[at] ?? '');
    const rest = words.slice(at + 1);
    return at < 0
      ? []
      : (TOOLS.get(tool)?.(rest) ?? [])
          .filter(({ kind, name }) => !isSeen(kind, name, entities))
          .map(({ name }) => name);
  });
}

interface Named {
  readonly kind: 'process' | 'unit' | 'path' | 'never';
  readonly name: string;
}

const PID_FLAGS = /^(?:-p|--pid)$/;
const digits = (word: string): boolean => /^[0-9]{1,10}$/.test(word);
const pid = (name: string): Named => ({ kind: 'process', name });

/** Pids of `-p N`, `--pid N`, `--pid=N`, `-p1,2`. */
const flaggedPids = (words: readonly string[]): readonly Named[] =>
  words
    .flatMap((word, i) => {
      if (PID_FLAGS.test(word)) return [words[i + 1] ?? ''];
      const joined = /^(?:-p|--pid=)([0-9,]+)$/.exec(word)?.[1];
      return joined === undefined ? [] : [joined];
    })
    .flatMap((list) => list.split(','))
    .map(pid);

/** Operands of kill, without its signal; `-N` that is not the first word is a whole process group. */
function killed(words: readonly string[]): readonly Named[] {
  return words.flatMap((word, i) => {
    if (/^(?:-s|-n|--signal)$/.test(words[i - 1] ?? '')) return [];
    if (/^-[0-9]+$/.test(word) && i > 0) return [{ kind: 'never', name: word }];
    return word.startsWith('-') ? [] : [pid(word)];
  });
}

function reniced(words: readonly string[]): readonly Named[] {
  const flagged = words.some((word) => /^(?:-n|--priority)$/.test(word));
  const numbers = words.filter((word, i) => digits(word) && !/^(?:-n|--priority)$/.test(words[i - 1] ?? ''));
  return (flagged ? numbers : numbers.slice(1)).map(pid);
}

const UNIT_VERBS =
  /^(?:start|stop|restart|reload|try-restart|reload-or-restart|kill|enable|disable|mask|unmask|isolate|status|show|cat|is-active|is-failed|reset-failed)$/;

function systemctled(words: readonly string[]): readonly Named[] {
  const verb = words.findIndex((word) => UNIT_VERBS.test(word));
  if (verb < 0) return [];
  return words.slice(verb + 1).flatMap((word) => (word.startsWith('-') ? [] : [{ kind: 'unit', name: word }]));
}

const journalled = (words: readonly string[]): readonly Named[] =>
  words.flatMap((word, i) => {
    const joined = /^--unit=(.+)$/.exec(word)?.[1];
    if (joined !== undefined) return [{ kind: 'unit', name: joined } as const];
    return /^(?:-u|--unit)$/.test(words[i - 1] ?? '') ? [{ kind: 'unit', name: word } as const] : [];
  });

const paths = (words: readonly string[]): readonly Named[] =>
  words.flatMap((word) => (word.startsWith('/') ? [{ kind: 'path', name: word } as const] : []));

/** By name one may hit processes that nobody saw. */
const byName = (words: readonly string[]): readonly Named[] =>
  words.filter((word) => !word.startsWith('-')).map((name) => ({ kind: 'never', name }));

const TOOLS: ReadonlyMap<string, (words: readonly string[]) => readonly Named[]> = new Map([
  ['kill', killed],
  ['renice', reniced],
  ['pkill', byName],
  ['killall', byName],
  ['systemctl', systemctled],
  ['journalctl', journalled],
  ...['ps', 'pmap', 'taskset', 'chrt', 'ionice', 'prlimit', 'strace', 'nsenter'].map(
    (tool) => [tool, flaggedPids] as const,
  ),
  ...['find', 'du', 'df', 'rm', 'truncate', 'umount', 'mount', 'fstrim', 'fuser'].map((tool) => [tool, paths] as const),
]);

function isSeen(kind: Named['kind'], name: string, entities: readonly Entity[]): boolean {
  switch (kind) {
    case 'process':
      return entities.some((one) => one.kind === 'process' && one.value === name);
    case 'unit':
      return entities.some((one) => one.kind === 'unit' && (one.value === name || one.value === `${name}.service`));
    case 'path':
      return entities.some((one) => (one.kind === 'mount' || one.kind === 'folder') && isBelow(name, one.value));
    case 'never':
      return false;
    default:
      return kind satisfies never;
  }
}

const isBelow = (path: string, folder: string): boolean => {
  const plain = path.length > 1 ? path.replace(/\/+$/, '') : path;
  return plain === folder || (folder !== '/' && plain.startsWith(`${folder}/`) && !/(?:^|\/)\.\.?(?:\/|$)/.test(plain));
};

/** The words of each command of a pipe or list, without their quotes. */
function parts(command: string): readonly (readonly string[])[] {
  return command
    .split(/\|\|?|&&?|;/)
    .map((part) => part.split(/\s+/).flatMap((word) => (word === '' ? [] : [word.replace(/['"\\]/g, '')])));
}

const baseName = (word: string): string => word.slice(word.lastIndexOf('/') + 1);
