/** How text and lists enter a grammar in GBNF, whichever language it is of. */

/** Printable ASCII without quote and backslash: needs no escape in JSON, and ends where its count ends. */
export const TEXT = '[ !#-\\[\\]-~]';
/** The same, of a whole text. */
export const TEXT_ONLY = /^[ !#-[\]-~]+$/;

/**
 * A GBNF literal that matches exactly `text`: the only way in which any text enters a grammar. Everything but plain
 * printable ASCII is written by its code point; half a surrogate pair, which no tokenizer can write, as U+FFFD.
 */
export function gbnfLiteral(text: string): string {
  const escaped = Array.from(text, (char) => {
    if (char === '"' || char === '\\') return `\\${char}`;
    const point = char.codePointAt(0) ?? 0;
    if (point >= 0x20 && point < 0x7f) return char;
    const safe = point >= 0xd800 && point <= 0xdfff ? 0xfffd : point;
    return `\\U${safe.toString(16).toUpperCase().padStart(8, '0')}`;
  });
  return `"${escaped.join('')}"`;
}

/** The literal of a JSON string. */
export const gbnfWord = (text: string): string => gbnfLiteral(JSON.stringify(text));

/** In parentheses, since a line of a rule must not begin with `|`, and a part must not leak into its neighbour. */
export const anyOf = (parts: readonly string[]): string => `(${parts.join(' | ')})`;

/** None to `most` of an item, with commas between them. */
export const upTo = (item: string, most: number): string => `(${item} ("," ${item}){0,${most - 1}})?`;
