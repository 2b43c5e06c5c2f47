import { type Fault, fault } from './fault.ts';
import { LIMITS } from './limits.ts';

/**
 * The strict subset of shell text that is handed to a parser at all. It is checked on bytes, so that a parser never
 * sees what it is known to misread: expansions, escapes, globs, comments, here-documents, control bytes, non-ASCII.
 */
const BARE = table('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-^ \t\n;|&<>\'"');

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
  return NAMES[String.fromCharCode(byte)] ?? `the byte 0x${byte.toString(16).padStart(2, '0')}`;
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
    if (byte > 126 || (byte < 32 && byte !== 10)) return refuse(byte, i);
    if (quote === 0) {
      if (BARE[byte] !== 1) return refuse(byte, i);
      if (byte === 10) continue;
      if (byte === 39 || byte === 34) {
        quote = byte;
        opened = i;
      }
    } else if (byte === 10) {
      return refuse(byte, i);
    } else if (byte === quote) {
      quote = 0;
    } else if (quote === 34) {
      if (byte === 36 || byte === 96) return refuse(byte, i);
      if (byte === 92) {
        const next = text.charCodeAt(++i);
        if (next === 36 || next === 96 || next === 10 || !(next >= 32 && next < 127)) return refuse(byte, i - 1);
      }
    }
    blank = false;
  }
  if (quote !== 0) return fault('subset.quote', 'a quote that is not closed', opened, length);
  return blank ? fault('subset.empty', 'there is no command', 0, length) : null;
}

function refuse(byte: number, at: number): Fault {
  return fault('subset.byte', `${describe(byte)} does not compile`, at, at + 1);
}
