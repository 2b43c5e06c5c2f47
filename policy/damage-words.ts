import { isDevice, isSystem, normalise } from './paths.ts';
import type { Effect } from './verdict.ts';
import { wordAt } from './word-at.ts';

/** One way to ruin a host. `when` sees the arguments without the command's name. */
export interface DamageRule {
  readonly names: RegExp;
  readonly rule: string;
  readonly effect: Effect;
  readonly reason: string;
  readonly when: (args: readonly string[], name: string) => boolean;
}

export const always = (): boolean => true;
export const has = (pattern: RegExp) => (args: readonly string[]) => args.some((arg) => pattern.test(arg));
export const joined = (pattern: RegExp) => (args: readonly string[]) => pattern.test(args.join(' ').slice(0, 8_192));
export const verb =
  (...verbs: readonly string[]) =>
  (args: readonly string[]) =>
    verbs.includes(args.find((arg) => !arg.startsWith('-')) ?? '');
export const short = (args: readonly string[], letters: RegExp): boolean =>
  args.some((arg) => /^-[A-Za-z]+$/.test(arg) && letters.test(arg));
export const plain = (args: readonly string[]): string[] => args.filter((arg) => !arg.startsWith('-'));

/** Folders and files that a word with globs, homes and variables could mean; the working folder is `/`. */
export function targets(arg: string): string[] {
  if (/^(?:\*|\.|\.\.|\.\/\*?|~|~\/?\*?|\$\{?HOME\}?\/?\*?|\$\{?PWD\}?\/?\*?|-- ?)$/.test(arg)) return ['/'];
  const known = arg.replace(/^\$\{?HOME\}?|^~(?:root)?/, '/root').replace(/\{([^,{}]*),[^{}]*\}/g, '$1');
  const whole = normalise(known.replace(/\/(?:[*?.[\]!]|\{,?\.?\*?\})+(?=\/|$)/g, '/'));
  const stem = normalise(known.replace(/[*?[{$][^/]*$/, ''));
  return [whole, ...(/[*?[{]/.test(known) && known.split('/').length <= 2 ? [stem, '/'] : [])];
}

export const hitsSystem = (args: readonly string[]): boolean =>
  plain(args).some((arg) => targets(arg).some((path) => isSystem(path) || isDevice(path)));
export const recursive = (args: readonly string[]): boolean => short(args, /[rR]/) || args.includes('--recursive');
export const hitsDevice = (args: readonly string[]): boolean =>
  args.some((arg) => isDevice(normalise(arg.replace(/^[a-z]+=/, ''))) && arg.includes('/dev/'));
export const last = (args: readonly string[]): string => wordAt(plain(args), plain(args).length - 1);

/** The folders that a find searches: the words before its expression, or the working folder. */
export function searched(args: readonly string[]): string[] {
  const from = args.findIndex((arg) => !/^-(?:[HLP]|O\d)$/.test(arg));
  const rest = args.slice(Math.max(0, from));
  const found: string[] = [];
  for (const arg of rest) {
    if (/^[-(!]/.test(arg)) break;
    found.push(arg);
  }
  return found.length === 0 ? ['/'] : found;
}

/** True when a find takes some of what is below its folders by name, age, size or owner, and not all of it. */
export const narrowed = has(
  /^-(?:i?name|i?path|i?wholename|i?regex|[acm](?:time|min)|size|newer.*|empty|user|group|uid|perm|links|inum|samefile)$/,
);
