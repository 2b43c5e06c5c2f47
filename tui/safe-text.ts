/**
 * Remote text is looked at no further than this: a log line of a megabyte must cost no more than a screen of it. Nothing
 * that can run is longer (policy takes no command of more bytes), so a command is always shown whole.
 */
const LONGEST = 4_096;
/** Marks stacked on one letter beyond this are noise that climbs into the rows above. */
const MARKS = 2;

const PLAIN = /^[\x20-\x7e]*$/;
const VARIATION = /[\u{fe00}-\u{fe0f}]/gu;
/**
 * Everything that moves a cursor, turns the direction of writing, takes no column or means something else on each
 * terminal: C0 and C1 controls, formats (bidi, joiners, tags), lone surrogates, private and unassigned code points,
 * line and paragraph separators, invisible fillers, Hangul parts that no syllable took up, flags' halves, skin tones.
 */
const UNSAFE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Regional_Indicator}\p{Emoji_Modifier}\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]/gu;
const BLANK = /[\t\n\v\f\r\p{Zs}]/gu;
const STACKED = new RegExp(`(\\p{Mn}|\\p{Me}){${MARKS + 1},}`, 'gu');
const LEADING_MARK = /^[\p{M}]+/u;

/**
 * The only way by which text from an agent, a log, a model or another operator reaches the screen (invariant 12).
 * Out come printable code points only; what was unsafe is a visible `\ufffd`, blanks of every kind are one space each.
 * Tampering stays visible: nothing that was there vanishes, but variation selectors and stacked marks.
 * The result is safe to cut by width (`cut`, `fit`, `wrap`) and safe to paste together.
 */
export function safeText(remote: string): string {
  const text = remote.length > LONGEST ? `${remote.slice(0, LONGEST)}…` : remote;
  if (PLAIN.test(text)) return text;
  return text
    .normalize('NFC')
    .replace(BLANK, ' ')
    .replace(VARIATION, '')
    .replace(UNSAFE, '\ufffd')
    .replace(STACKED, (marks) => [...marks].slice(0, MARKS).join(''))
    .replace(LEADING_MARK, '\ufffd');
}
