import { type Damage, damage } from './damage.ts';
import { wordAt } from './word-at.ts';

/** Text on a command's input, words of it, statements in it and words of a command that are looked at: more is nobody's plan. */
const LIMITS = { text: 4_096, words: 64, statements: 16, turns: 32, command: 512 } as const;

export const INTERPRETERS = /^(?:(?:ba|da|z|k|a|c|fi)?sh|at|batch|(?:python|perl|ruby|node|php|lua)[\d.]*)$/;

/** Clients that do what their input says, in a language that the rules of their arguments know too. */
const CLIENTS =
  /^(?:psql|mysql|mariadb|sqlite3|mongo|mongosh|(?:redis|valkey|keydb)-cli|clickhouse-client|cqlsh|influx|sqlcmd|nft|ip|kubectl|oc|k3s)$/;

/** What hands on much of what it reads. */
const FILTERS = /^(?:cat|tee|sort|uniq|head|tail|grep|sed|tr|awk|cut|nl|paste|xargs|unbuffer|dos2unix|envsubst)$/;

const SOCKETS = /^(?:nc|ncat|netcat|socat|telnet)$/;

const base = (word: string): string => word.replace(/^.*\//, '');

/**
 * What a command puts on its output, as far as its words and its here-documents say it: echo and printf print their
 * arguments, a filter hands on what came to it. It may say too much, since it only serves to see destruction.
 */
export function printed(all: readonly string[], here: string, arrived: string): string {
  const words = all.slice(0, LIMITS.command);
  const at = words.findIndex((word) => /^(?:echo|printf)$/.test(base(word)));
  const own =
    at >= 0 && base(wordAt(words, at)) === 'printf' ? formatted(words.slice(at + 1)) : words.slice(1).join(' ');
  const handed = words.some((word) => FILTERS.test(base(word))) ? arrived : '';
  return [own, here, handed]
    .filter((text) => text !== '')
    .join('\n')
    .slice(0, LIMITS.text)
    .replace(/\\(?:[nrt0]|x0[0ad])/g, '\n');
}

/** `printf '%s\n' a b`: the format once for as many arguments as it takes, until there are no more. */
function formatted([format = '', ...values]: readonly string[]): string {
  const takes = Math.max(1, (format.match(/%[sbq]/g) ?? []).length);
  const turns = Math.min(LIMITS.turns, Math.ceil(values.length / takes));
  const lines = Array.from({ length: Math.max(1, turns) }, (_, turn) => {
    let next = turn * takes;
    return format.replace(/%[sbq]/g, () => wordAt(values, next++));
  });
  return [...lines, values.slice(0, LIMITS.words).join(' ')].join('');
}

/** Containers, shells elsewhere and runners: what stands on their input is done by what they start. */
const PASSING = /^(?:xargs|parallel|ssh|su|sudo|doas|docker|podman|nerdctl|crictl|kubectl|ftp|lftp|sftp)$/;

/** True for a command that may do what stands on its input; most only read it. */
export function actsOnInput(words: readonly string[]): boolean {
  const name = wordAt(words, 0);
  return PASSING.test(name) || CLIENTS.test(name) || SOCKETS.test(name) || INTERPRETERS.test(name);
}

/** The names that a text would be for xargs, or for a loop that reads it. */
export function listed(text: string): string[] {
  return text
    .split(/[\s\0'"]+/)
    .filter((word) => word !== '' && !word.startsWith('-'))
    .slice(0, LIMITS.words);
}

/** What a client, a socket or a terminal of a cluster does with the text on its input, where that destroys. */
export function inputDamage(words: readonly string[], text: string): Damage | null {
  const name = wordAt(words, 0);
  if (SOCKETS.test(name)) return /^\s*[a-z]/i.test(text) ? damage(['redis-cli', ...text.split(/\s+/)]) : null;
  if (!CLIENTS.test(name)) return null;
  const whole = text.replace(/\s+/g, ' ').trim();
  const statements = text.split(';').slice(0, LIMITS.statements);
  for (const one of [whole, ...statements]) {
    const found = damage([...words, ...one.trim().split(/\s+/)]);
    if (found !== null) return found;
  }
  return null;
}

/** The commands that xargs would run with these names: at the end, and in every place that `-I` gave a word to. */
export function handed(words: readonly string[], runner: readonly string[], names: readonly string[]): string[][] {
  const at = runner.findIndex((word) => /^-I/.test(word));
  const place = at < 0 ? '{}' : runner[at] === '-I' ? wordAt(runner, at + 1) : wordAt(runner, at).slice(2);
  const holes = place !== '' && words.some((word) => word.includes(place));
  const filled = holes ? names.map((name) => words.map((word) => word.replaceAll(place, name))) : [];
  return [[...words, ...names], ...filled];
}

/** True when a command takes what it runs from standard input, and not only data for a program that is named. */
export function runsInput(words: readonly string[]): boolean {
  const [name = '', ...args] = words;
  if (name === 'ssh') return operands(args, /^-[bcDEeFIiJLlmOopQRSWw]$/).length === 1;
  if (name === 'su') return !args.some((arg) => /^(?:-[a-z]*c|--command)/.test(arg));
  if (name === 'sudo' || name === 'doas') return args.some((arg) => /^(?:-[a-zA-Z]*[is]|--login|--shell)$/.test(arg));
  if (!INTERPRETERS.test(base(name))) return false;
  if (name === 'at' || name === 'batch') return true;
  const text = args.find((_, i) => /^(?:-[a-zA-Z]*[cemr]|--eval)$/.test(wordAt(args, i - 1)));
  if (text !== undefined) return /\{\}|\$[@*0-9]|exec|eval|system|popen|subprocess|spawn/.test(text);
  const first = args.find((arg) => !arg.startsWith('-') || arg === '-');
  return (
    first === undefined ||
    /^(?:-|\/dev\/stdin|\/dev\/fd\/0|\/proc\/self\/fd\/0)$/.test(first) ||
    args.some((arg) => /^-[a-z]*s$/.test(arg))
  );
}

function operands(args: readonly string[], taking: RegExp): string[] {
  return args.filter((arg, i) => !arg.startsWith('-') && !taking.test(wordAt(args, i - 1)));
}
