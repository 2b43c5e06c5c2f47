import { type Fault, fault } from './fault.ts';
import { LIMITS } from './limits.ts';

/**
 * The strict subset of shell text that is handed to a parser at all. It is checked on bytes, so that a parser never
 * sees what it is known to misread: expansions, escapes, globs, comments, here-documents, control bytes, non-ASCII.
 */
const BARE = table('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-^ \t;|&<>\'"');

function table(allowed: string): Uint8Array {
  const bytes = new Uint8Array(128);
  for (let i = 0; i < allowed.length; i++) bytes[allowed.charCodeAt(i)] = 1;
  return bytes;
}

const NAMES: Readonly<Record<string, string>> = {
  $: 'an expansion',
  '`': 'a command substitution',
  '\\': 'a backslash',
  '*': 'a glob',
  '?': 'a glob',
  '[': 'a glob',
  ']': 'a glob',
  '{': 'a brace expansion',
  '}': 'a brace expansion',
  '~': 'a home folder expansion',
  '#': 'a comment',
  '!': 'a negation or history expansion',
  '(': 'a group or sub-shell',
  ')': 'a group or sub-shell',
  '\n': 'a line break',
};

const describe = (byte: number): string => {
  if (byte > 126) return 'a byte outside ASCII';
  if (byte < 32 && byte !== 10) return 'a control byte';
  return `${NAMES[String.fromCharCode(byte)]}`;
};

/** Null when `text` is in the subset; else the first thing in it that is not. Takes time linear in at most 4 kB. */
export function checkSubset(text: string): Fault | null {
  const length = text.length;
  if (length > LIMITS.text) return fault('subset.length', `longer than ${LIMITS.text} bytes`, 0, LIMITS.text);
  let blank = true;
  let quote = 0;
  let opened = 0;
  for (let i = 0; i < length; i++) {
    const byte = text.charCodeAt(i);
    if (byte === 32 || byte === 9) continue;
    // A second line is a second command, and a break at an end was cut from something longer: one text is one line.
    if (byte > 126 || byte < 32) return refuse(byte, i);
    if (quote === 0) {
      if (BARE[byte] !== 1) {
        const taken = literal(text, i);
        if (taken === 0) return refuse(byte, i);
        i += taken - 1;
        blank = false;
        continue;
      }
      if (byte === 39 || byte === 34) {
        quote = byte;
        opened = i;
      }
    } else if (byte === quote) {
      quote = 0;
    } else if (quote === 34) {
      if (byte === 36 || byte === 96) return refuse(byte, i);
      if (byte === 92) {
        const next = text.charCodeAt(++i);
        if (next === 36 || next === 96 || !(next >= 32 && next < 127)) return refuse(byte, i - 1);
      }
    }
    blank = false;
  }
  if (quote !== 0) return fault('subset.quote', 'a quote that is not closed', opened, length);
  return blank ? fault('subset.empty', 'there is no command', 0, length) : null;
}

const BLANK = /[ \t]/;
const ENDING = /^(?:$|[ \t])/;

/**
 * Length of the few spellings with a metacharacter that a shell takes literally and that find and xargs need: the whole
 * words `\(`, `\)`, `\;`, `\!` and `!`, and `{}` anywhere.
 */
function literal(text: string, at: number): number {
  const c = text.charAt(at);
  if (c === '{') return text.charAt(at + 1) === '}' ? 2 : 0;
  if (!BLANK.test(text.charAt(at - 1))) return 0;
  if (c === '!') return BLANK.test(text.charAt(at + 1)) ? 1 : 0;
  if (c !== '\\' || !'();!'.includes(text.charAt(at + 1) || ' ')) return 0;
  return ENDING.test(text.slice(at + 2, at + 3)) ? 2 : 0;
}

function refuse(byte: number, at: number): Fault {
  return fault('subset.byte', `${describe(byte)} does not compile`, at, at + 1);
}
