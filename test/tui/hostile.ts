// Texts as an enemy writes them, in every field of whatever a desk gives.

/** What moves a cursor, writes a title or a clipboard, turns the direction of writing, takes no column, or is broken. */
export const SAMPLES: readonly string[] = [
  '\x1b]0;owned\x07',
  '\x1b]52;c;cm0gLXJmIC8K\x07',
  '\x1bP+q544e\x1b\\',
  '\x1b[2J\x1b[3J\x1b[1;1H',
  '\x1b[31mred\x1b[5m',
  '\x9b31m\x90q\x9d0;x\x9c',
  '\u202egnp.exe\u202c',
  '\u2066a\u2069\u061c',
  'a\u200bb\u200db\ufeff',
  'one\rtwo\b\b\bthree',
  'tab\tnew\nline\v\f\u0085',
  '\u00ad\u034f\u115f\u3164\uffa0',
  '\ud800x\udc00',
  'e\u0301\u0301\u0301\u0301\u0301',
  '\u{e0041}\u{1f1e6}\u{1f1e7}\u{1f44d}\u{1f3fd}',
  '\u2028\u2029\ue000\u{10ffff}',
  // Bytes that are no UTF-8, as a decoder hands them on.
  Buffer.from([0xc3, 0x28, 0xff, 0xfe, 0xed, 0xa0, 0x80, 0x1b, 0x5b, 0x32, 0x4a]).toString('utf8'),
  Buffer.from([0x1b, 0x9b, 0x80, 0xff]).toString('latin1'),
];

const MEGABYTE = 1_048_576;
/** A line of a megabyte each: of letters that are wide, and of controls. */
export const LONG: readonly string[] = ['世', '\x1b[2J'].map((part) => part.repeat(MEGABYTE / part.length));

/** No code point that is for a terminal rather than for a reader. */
export const FORBIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

/** Names of fields that hold one of a few words: the decoders of the wire let no other one in. */
const WORDS = new Set([
  'state',
  'outcome',
  'severity',
  'phase',
  'decision',
  'effect',
  'role',
  'hub',
  'of',
  'risk',
  'healthy',
  'when',
  'stdout',
  'stderr',
  'probe',
]);

/**
 * A copy of `value` with `text` in place of every text in it, names of fields too where they are data. The same text
 * becomes the same text everywhere, so that what belonged together still does. `words` says what becomes of fields
 * that hold one of a few words.
 */
export function poisoned<T>(value: T, text: (before: string) => string, words: (before: unknown) => unknown): T {
  const walk = (one: unknown, name: string): unknown => {
    if (WORDS.has(name) && typeof one === 'string') return words(one);
    if (typeof one === 'string') return text(one);
    if (Array.isArray(one)) return one.map((part) => walk(part, name));
    if (typeof one !== 'object' || one === null || one instanceof Uint8Array) return one;
    return Object.fromEntries(Object.entries(one).map(([key, part]) => [key, walk(part, key)]));
  };
  return walk(value, '') as T;
}
