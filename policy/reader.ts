import { type Fault, fault } from './fault.ts';
import { LIMITS } from './limits.ts';
import type { Command, Job, Program } from './program.ts';

/**
 * Second reader: written from the POSIX rules and not from the grammar, so that one mistake is not made twice.
 * It reads left to right, one byte at a time: words, then operators, then the few redirects.
 */

type Streams = Pick<Command, 'stdout' | 'stderr'>;

/** Every order of redirects that means the same with and without a shell. `</dev/null` is taken out first. */
const STREAMS: ReadonlyMap<string, Streams> = new Map([
  ['', { stdout: 'keep', stderr: 'keep' }],
  ['2>&1', { stdout: 'keep', stderr: 'stdout' }],
  ['2>/dev/null', { stdout: 'keep', stderr: 'discard' }],
  ['>/dev/null', { stdout: 'discard', stderr: 'keep' }],
  ['>/dev/null 2>&1', { stdout: 'discard', stderr: 'discard' }],
  ['>/dev/null 2>/dev/null', { stdout: 'discard', stderr: 'discard' }],
  ['2>/dev/null >/dev/null', { stdout: 'discard', stderr: 'discard' }],
  ['&>/dev/null', { stdout: 'discard', stderr: 'discard' }],
] satisfies [string, Streams][]);

interface Token {
  /** `w` a word, `l` a literal metacharacter, `r` a redirect (spelled without blanks), `o` an operator. */
  readonly type: 'w' | 'l' | 'r' | 'o';
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

const BLANK = ' \t';
const META = ' \t\n;|&<>';
const PLAIN = /[A-Za-z0-9_@%+=:,./^-]/;

/** Reads subset text into a Program, or says what it does not understand; never throws. */
export function readProgram(text: string): Program | Fault {
  const tokens = tokenize(text);
  return Array.isArray(tokens) ? assemble(tokens, text.length) : tokens;
}

function tokenize(text: string): Token[] | Fault {
  const tokens: Token[] = [];
  let i = 0;
  while (i < text.length) {
    const c = text.charAt(i);
    if (BLANK.includes(c)) {
      i++;
      continue;
    }
    const token =
      redirectOrAnd(text, i, c) ?? literal(text, i, c) ?? (';|\n'.includes(c) ? operator(text, i) : word(text, i));
    if ('fault' in token) return token;
    tokens.push(token);
    i = token.end;
  }
  return tokens;
}

function operator(text: string, start: number): Token | Fault {
  const two = text.slice(start, start + 2);
  const value = two === '||' ? '||' : text.charAt(start);
  if (two === ';;' || two === '|&') return fault('reader.operator', `${two} is not read`, start, start + 2);
  return { type: 'o', value, start, end: start + value.length };
}

/** Whole words that are literal by a backslash or by their place: `\(`, `\)`, `\;`, `\!`, `!`. */
function literal(text: string, start: number, c: string): Token | null {
  if (c !== '\\' && c !== '!') return null;
  const match = /^(?:\\([();!])|!)(?=$|[ \t\n])/.exec(text.slice(start, start + 3));
  if (match === null) return null;
  return { type: 'l', value: match[1] ?? '!', start, end: start + match[0].length };
}

function redirectOrAnd(text: string, start: number, c: string): Token | Fault | null {
  const numbered = c >= '0' && c <= '9' && /^[0-9]+[<>]/.test(text.slice(start, start + 4));
  if (!numbered && c !== '&' && c !== '<' && c !== '>') return null;
  if (text.startsWith('&&', start)) return { type: 'o', value: '&&', start, end: start + 2 };
  const match = /^(2>&1|(?:[12&]?>|<)[ \t]*\/dev\/null)(?=$|[ \t\n;|&<>])/.exec(text.slice(start, start + 64));
  if (match?.[1] === undefined) return fault('reader.redirect', 'a redirect that is not read', start, start + 1);
  const value = match[1].replace(/[ \t]/g, '').replace(/^1>/, '>');
  return { type: 'r', value, start, end: start + match[1].length };
}

function word(text: string, start: number): Token | Fault {
  let value = '';
  let i = start;
  while (i < text.length && !META.includes(text.charAt(i))) {
    const c = text.charAt(i);
    if (c === "'") {
      const close = text.indexOf("'", i + 1);
      if (close < 0) return fault('reader.quote', 'a quote that is not closed', i, text.length);
      value += text.slice(i + 1, close);
      i = close + 1;
    } else if (c === '"') {
      const quoted = doubleQuoted(text, i);
      if (quoted === null) return fault('reader.quote', 'a quoted text that is not read', i, text.length);
      value += quoted.value;
      i = quoted.end;
    } else if (PLAIN.test(c)) {
      value += c;
      i++;
    } else if (text.startsWith('{}', i)) {
      value += '{}';
      i += 2;
    } else return fault('reader.byte', 'a byte that is not read', i, i + 1);
  }
  return { type: 'w', value, start, end: i };
}

function doubleQuoted(text: string, start: number): { value: string; end: number } | null {
  let value = '';
  for (let i = start + 1; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === '"') return { value, end: i + 1 };
    if (c === '$' || c === '`') return null;
    if (c !== '\\') {
      value += c;
      continue;
    }
    const next = text.charAt(++i);
    if (next === '' || '$`\n'.includes(next)) return null;
    value += next === '"' || next === '\\' ? next : `\\${next}`;
  }
  return null;
}

const WHEN: Readonly<Record<string, Job['when']>> = { ';': 'always', '\n': 'always', '&&': 'and', '||': 'or' };

function assemble(tokens: readonly Token[], length: number): Program | Fault {
  const jobs: Job[] = [];
  let when: Job['when'] = 'always';
  let pipe: Command[] = [];
  let argv: string[] = [];
  let redirects: string[] = [];
  let needed = false;

  const close = (piped: boolean): string | null => {
    const input = redirects.filter((r) => r === '</dev/null').length;
    const streams = STREAMS.get(redirects.filter((r) => r !== '</dev/null').join(' '));
    if (streams === undefined || input > 1) return 'redirects that do not compile';
    if (input > 0 && pipe.length > 0) return 'an input that is a pipe already';
    if (piped && streams.stdout === 'discard') return 'a pipe that would be empty';
    pipe.push({ argv, ...streams });
    argv = [];
    redirects = [];
    return null;
  };

  // The end of a text ends a command, as a line break does.
  const end: Token = { type: 'o', value: '\n', start: length, end: length };
  let token = end;
  const bad = (reason: string) => fault('reader.syntax', reason, token.start, token.end);
  for (let at = 0; at <= tokens.length; at++) {
    token = tokens[at] ?? end;
    if (token.type === 'w' || token.type === 'l') {
      if (redirects.length > 0) return bad('a word after a redirect');
      if (token.type === 'l' && argv.length === 0) return bad('a metacharacter in the place of a command');
      if (argv.length === 0 && /^[A-Za-z_][A-Za-z0-9_]*\+?=/.test(token.value)) return bad('an assignment');
      argv.push(token.value);
      needed = false;
    } else if (token.type === 'r') {
      if (argv.length === 0) return bad('a redirect without a command');
      redirects.push(token.value);
    } else if (argv.length === 0) {
      if (token.value !== '\n' || needed) return bad('a command is missing');
    } else {
      const problem = close(token.value === '|');
      if (problem !== null) return bad(problem);
      needed = token.value !== ';' && token.value !== '\n';
      const following = WHEN[token.value];
      if (following === undefined) continue;
      jobs.push({ when, pipe });
      when = following;
      pipe = [];
    }
    if (argv.length > LIMITS.argv || pipe.length > LIMITS.pipe || jobs.length > LIMITS.jobs) return bad('too long');
  }
  return { version: 1, jobs };
}
