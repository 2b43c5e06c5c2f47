import { safeText } from './safe-text.ts';
import type { Tone } from './theme.ts';
import { head, widthOf, wrap } from './width.ts';

/** A piece of one row in one tone. `span` is its only maker, so its text is always safe. */
export interface Span {
  readonly text: string;
  readonly tone: Tone;
}

/** One row of the screen. Views are pure functions that give rows; only `screen.tsx` knows Ink. */
export type Line = readonly Span[];

/** Makes any text, remote or our own, safe and gives it a tone. */
export function span(text: string, tone: Tone = 'plain'): Span {
  return { text: safeText(text), tone };
}

/** A row out of texts (plain) and spans. */
export function line(...parts: readonly (string | Span)[]): Line {
  return parts.map((part) => (typeof part === 'string' ? span(part) : part)).filter((part) => part.text !== '');
}

export const EMPTY: Line = [];

/** Columns that a row takes. */
export function lineWidth(row: Line): number {
  return row.reduce((sum, part) => sum + widthOf(part.text), 0);
}

/** True of two rows that look the same. */
export function isSameLine(a: Line, b: Line): boolean {
  return (
    a === b || (a.length === b.length && a.every((part, i) => part.text === b[i]?.text && part.tone === b[i]?.tone))
  );
}

/** A row cut to `columns`; the last column shows `…` when something was cut. */
export function cutLine(row: Line, columns: number): Line {
  const out: Span[] = [];
  let left = columns;
  for (const [index, part] of row.entries()) {
    // Only as much is measured as there is room for.
    const shown = head(part.text, left);
    const width = widthOf(shown);
    const isLast = row.slice(index + 1).every(({ text }) => text === '');
    if (shown.length < part.text.length || (width === left && !isLast)) {
      // Something is cut here or right behind: its last column says so.
      if (left > 0) out.push({ text: `${head(part.text, left - 1)}…`, tone: part.tone });
      break;
    }
    out.push(part);
    left -= width;
  }
  return out;
}

/** A row of exactly `columns`: cut, or filled with blanks. */
export function fitLine(row: Line, columns: number): Line {
  const short = cutLine(row, columns);
  const blanks = columns - lineWidth(short);
  return blanks > 0 ? [...short, { text: ' '.repeat(blanks), tone: 'plain' }] : short;
}

/** `left` at the beginning and `right` at the end of a row of `columns`; `left` gives way. */
export function spread(left: Line, right: Line, columns: number): Line {
  const end = cutLine(right, columns);
  const room = columns - lineWidth(end);
  return [...fitLine(lineWidth(end) > 0 ? cutLine(left, room - 1) : left, room), ...end];
}

/** Two columns of rows side by side, each row of `left` filled to `columns`, with `rule` between. */
export function beside(left: readonly Line[], columns: number, rule: Span, right: readonly Line[]): readonly Line[] {
  const rows = Math.max(left.length, right.length);
  return Array.from({ length: rows }, (_, row) => [
    ...fitLine(left[row] ?? EMPTY, columns),
    rule,
    ...(right[row] ?? EMPTY),
  ]);
}

/** Text wrapped to `columns` after a first row's `lead`; further rows begin under the text, not under the lead. */
export function hanging(lead: Line, text: string, columns: number, tone: Tone = 'plain'): readonly Line[] {
  const indent = lineWidth(lead);
  const rows = wrap(safeText(text), Math.max(8, columns - indent));
  return rows.map((row, index) =>
    index === 0
      ? [...lead, { text: row, tone }]
      : [
          { text: ' '.repeat(indent), tone: 'plain' },
          { text: row, tone },
        ],
  );
}

/** At most so many rows; where more were, the last one ends in `…`. */
export function shortened(lines: readonly Line[], most: number): readonly Line[] {
  const last = lines[most - 1];
  if (lines.length <= most || last === undefined) return lines;
  return [...lines.slice(0, most - 1), [...last, { text: '…', tone: 'dim' }]];
}

/** Exactly `rows` rows: cut at the end or filled with empty ones. */
export function fill(lines: readonly Line[], rows: number): readonly Line[] {
  return Array.from({ length: Math.max(0, rows) }, (_, row) => lines[row] ?? EMPTY);
}
