/** Characters of a line that are looked at: what comes later is data, seldom what happened. */
export const MAX_TEXT = 512;
/** Words of a template. */
export const MAX_WORDS = 40;

/** The time at the beginning of a line, in the forms that loggers write; and syslog's host and `program[pid]:` behind it. */
const STAMP =
  /^\s{0,8}(?:\[?\d{4}[-/]\d{2}[-/]\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?\]?|[A-Z][a-z]{2} {1,2}\d{1,2} \d{2}:\d{2}:\d{2}|\[\s{0,8}\d{1,10}\.\d{1,9}\]|\d{10}(?:\.\d{1,6})?|\[?\d{2}\/[A-Z][a-z]{2}\/\d{4}:\d{2}:\d{2}:\d{2} ?[+-]?\d{0,4}\]?)[ \t:-]{0,4}/;

/** What a user could have put there is cut out whole: what is quoted, what stands behind `=`, addresses, paths. */
const CUTS: readonly (readonly [RegExp, string])[] = [
  [/"(?:[^"\\]|\\.){0,400}"?/g, '<text>'],
  [/(^|[\s(=:,[])'[^']{0,400}'(?=$|[\s).,:;\]])/g, '$1<text>'],
  [/\b[a-z][a-z0-9+.-]{1,15}:\/\/\S{0,400}/gi, '<url>'],
  [/[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,128}/g, '<address>'],
  [/(^|[\s(=:,[<])\/[^\s,;:)\]<]{1,400}/g, '$1<path>'],
  [/([A-Za-z_][\w.-]{0,40}=)[^\s,;<]{1,400}/g, '$1<value>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<id>'],
  [/\b(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?\b/g, '<ip>'],
  [/\b(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{1,4}\b/gi, '<ip>'],
  [/\b(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{6,64}\b/gi, '<id>'],
  [/\b0x[0-9a-f]{1,32}\b/gi, '<id>'],
];
/** A word with a digit in it is a number, a version or a name that somebody counted up. */
const NUMBERED = /[A-Za-z_-]{0,40}\d[\w.:%-]{0,80}/g;
const SLOT = /^<(?:text|url|address|value|path|id|ip|n)>$/;

/** True for a word that stands for anything. */
export const isSlot = (word: string): boolean => SLOT.test(word);

/**
 * A line's words with its variable parts masked; the line of a logger that writes JSON by its message alone. Linear in
 * the 512 characters that are looked at.
 */
export function maskedWords(line: string): string[] {
  let text = line.slice(0, MAX_TEXT).replace(STAMP, '').replace(/\p{C}/gu, ' ');
  for (const [cut, slot] of CUTS) text = text.replace(cut, slot);
  text = text.replace(NUMBERED, '<n>');
  return text
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, MAX_WORDS);
}
