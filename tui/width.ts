import { safeText } from './safe-text.ts';

/**
 * Columns that text takes on a terminal. The rules are those of the measure that Ink lays out with: one cluster of
 * code points is one column, or two when it is wide. Where terminals disagree a row may be a column off; the
 * terminal session switches automatic wrapping off, so that such a row can't push the rows below it down.
 */
const clusters = new Intl.Segmenter('en', { granularity: 'grapheme' });
const PLAIN = /^[\x20-\x7e]*$/;
const PLAIN_HEAD = /^[\x20-\x7e]*/;
// biome-ignore lint/complexity/useRegexLiterals: the compiler's target does not know the `v` flag yet, Node 20 does
const EMOJI = new RegExp('^\\p{RGI_Emoji}$', 'v');
const SPACING_MARK = /\p{Spacing_Mark}/u;

/** First and last code point of each run that is wide in Unicode's East Asian Width (W and F), in order. */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x231a, 0x231b],
  [0x2329, 0x232a],
  [0x23e9, 0x23ec],
  [0x23f0, 0x23f0],
  [0x23f3, 0x23f3],
  [0x25fd, 0x25fe],
  [0x2614, 0x2615],
  [0x2630, 0x2637],
  [0x2648, 0x2653],
  [0x267f, 0x267f],
  [0x268a, 0x268f],
  [0x2693, 0x2693],
  [0x26a1, 0x26a1],
  [0x26aa, 0x26ab],
  [0x26bd, 0x26be],
  [0x26c4, 0x26c5],
  [0x26ce, 0x26ce],
  [0x26d4, 0x26d4],
  [0x26ea, 0x26ea],
  [0x26f2, 0x26f3],
  [0x26f5, 0x26f5],
  [0x26fa, 0x26fa],
  [0x26fd, 0x26fd],
  [0x2705, 0x2705],
  [0x270a, 0x270b],
  [0x2728, 0x2728],
  [0x274c, 0x274c],
  [0x274e, 0x274e],
  [0x2753, 0x2755],
  [0x2757, 0x2757],
  [0x2795, 0x2797],
  [0x27b0, 0x27b0],
  [0x27bf, 0x27bf],
  [0x2b1b, 0x2b1c],
  [0x2b50, 0x2b50],
  [0x2b55, 0x2b55],
  [0x2e80, 0x303e],
  [0x3041, 0x3247],
  [0x3250, 0x4dbf],
  [0x4dc0, 0x4dff],
  [0x4e00, 0xa4c6],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6b],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18df2],
  [0x1aff0, 0x1b2fb],
  [0x1d300, 0x1d376],
  [0x1f004, 0x1f004],
  [0x1f0cf, 0x1f0cf],
  [0x1f18e, 0x1f18e],
  [0x1f191, 0x1f19a],
  [0x1f200, 0x1f320],
  [0x1f32d, 0x1f335],
  [0x1f337, 0x1f37c],
  [0x1f37e, 0x1f393],
  [0x1f3a0, 0x1f3ca],
  [0x1f3cf, 0x1f3d3],
  [0x1f3e0, 0x1f3f0],
  [0x1f3f4, 0x1f3f4],
  [0x1f3f8, 0x1f43e],
  [0x1f440, 0x1f440],
  [0x1f442, 0x1f4fc],
  [0x1f4ff, 0x1f53d],
  [0x1f54b, 0x1f54e],
  [0x1f550, 0x1f567],
  [0x1f57a, 0x1f57a],
  [0x1f595, 0x1f596],
  [0x1f5a4, 0x1f5a4],
  [0x1f5fb, 0x1f64f],
  [0x1f680, 0x1f6c5],
  [0x1f6cc, 0x1f6cc],
  [0x1f6d0, 0x1f6d2],
  [0x1f6d5, 0x1f6d8],
  [0x1f6dc, 0x1f6df],
  [0x1f6eb, 0x1f6ec],
  [0x1f6f4, 0x1f6fc],
  [0x1f7e0, 0x1f7eb],
  [0x1f7f0, 0x1f7f0],
  [0x1f90c, 0x1f93a],
  [0x1f93c, 0x1f945],
  [0x1f947, 0x1f9ff],
  [0x1fa70, 0x1faff],
  [0x20000, 0x2fffd],
  [0x30000, 0x3fffd],
];

function isWide(code: number): boolean {
  if (code < 0x1100) return false;
  let low = 0;
  let high = WIDE.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [first, last] = WIDE[middle] ?? [0, 0];
    if (code < first) high = middle - 1;
    else if (code > last) low = middle + 1;
    else return true;
  }
  return false;
}

function clusterWidth(cluster: string): number {
  if (PLAIN.test(cluster)) return cluster.length;
  if (EMOJI.test(cluster)) return 2;
  let width = 0;
  for (const char of cluster) {
    const code = char.codePointAt(0) ?? 0;
    if (width === 0) width = /\p{Mn}|\p{Me}/u.test(char) ? 0 : isWide(code) ? 2 : 1;
    else if (SPACING_MARK.test(char) || (code >= 0xff00 && code <= 0xffef)) width += 1;
  }
  return width;
}

/**
 * How much of the beginning is plain, one column for each letter: a long log line is plain but for its last letter. The
 * last plain one is left out, since what follows may belong to it.
 */
const plainLength = (text: string): number => Math.max(0, (PLAIN_HEAD.exec(text)?.[0].length ?? 0) - 1);

/** Columns of text that came through `safeText` (or is our own): no control byte is expected in it. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = plainLength(text);
  for (const { segment } of clusters.segment(text.slice(width))) width += clusterWidth(segment);
  return width;
}

/** The longest beginning of `text` that takes at most `columns`; never half a cluster. */
export function head(text: string, columns: number): string {
  if (columns <= 0) return '';
  const plain = plainLength(text);
  if (plain >= columns || PLAIN.test(text)) return text.slice(0, columns);
  let width = plain;
  let end = plain;
  for (const { segment, index } of clusters.segment(text.slice(plain))) {
    width += clusterWidth(segment);
    if (width > columns) break;
    end = plain + index + segment.length;
  }
  return text.slice(0, end);
}

/**
 * `text` cut to `columns`, with `…` in the last one when something was cut. Made safe first: what is measured must be
 * what is drawn, and a megabyte must not be measured whole.
 */
export function cut(remote: string, columns: number): string {
  const text = safeText(remote);
  // Only as much is measured as there is room for.
  if (head(text, columns).length === text.length) return text;
  return columns <= 0 ? '' : `${head(text, columns - 1).trimEnd()}…`;
}

/** `text` cut to `columns` with `…` in its middle: of names that differ at their end, `disk.used_percent[/var/lib/x]`. */
export function cutMiddle(remote: string, columns: number): string {
  const text = safeText(remote);
  if (head(text, columns).length === text.length) return text;
  const clusterList = [...clusters.segment(text.slice(-4 * Math.max(1, columns)))].map(({ segment }) => segment);
  let end = '';
  for (const cluster of clusterList.toReversed()) {
    if (widthOf(cluster + end) > Math.floor((columns - 1) / 2)) break;
    end = cluster + end;
  }
  return columns <= 1 ? cut(text, columns) : `${head(text, columns - 1 - widthOf(end))}…${end}`;
}

/** `text` cut and then filled with blanks to exactly `columns`, at the end or (`right`) at the beginning. */
export function fit(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const short = cut(text, columns);
  const blanks = ' '.repeat(Math.max(0, columns - widthOf(short)));
  return align === 'left' ? short + blanks : blanks + short;
}

/**
 * Breaks text into rows of at most `columns`, between words where it can. Nothing is lost but the blanks at a break:
 * commands are shown whole.
 */
export function wrap(text: string, columns: number): readonly string[] {
  if (columns < 1) return [];
  const rows: string[] = [];
  let row = '';
  for (const word of text.split(/(?<= )/)) {
    const letters = word.trimEnd();
    // Only whether it has room is asked: a word of 4,096 letters is not measured whole for that.
    if (row !== '' && head(letters, columns - widthOf(row)).length < letters.length) {
      rows.push(row.trimEnd());
      row = '';
    }
    // Of what is left only a row is looked at: to measure all of it again for each row would be quadratic.
    let rest = word;
    for (let part = head(rest, columns); part.length < rest.trimEnd().length; part = head(rest, columns)) {
      if (part === '') part = [...rest].slice(0, 1).join('');
      rows.push(part);
      rest = rest.slice(part.length);
    }
    row += rest;
  }
  if (row.trimEnd() !== '' || rows.length === 0) rows.push(row.trimEnd());
  return rows;
}
