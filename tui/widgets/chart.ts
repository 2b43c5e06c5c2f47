import type { Theme } from '../theme.ts';

/** How many dots a sign has across and down, and which sign shows which of them. */
interface Dots {
  readonly across: number;
  readonly down: number;
  /** The bit of each dot, by column and row from the top. */
  readonly bits: readonly (readonly number[])[];
  readonly sign: (bits: number) => string;
}

const BRAILLE = 0x2800;
const HALVES = [' ', '▀', '▄', '█'] as const;

/** Braille has eight dots to a sign, a half block two; where only ASCII is shown a star is the dot. */
const DOTS: Readonly<Record<Theme['charts'], Dots>> = {
  braille: {
    across: 2,
    down: 4,
    bits: [
      [0x01, 0x02, 0x04, 0x40],
      [0x08, 0x10, 0x20, 0x80],
    ],
    sign: (bits) => (bits === 0 ? ' ' : String.fromCodePoint(BRAILLE + bits)),
  },
  block: { across: 1, down: 2, bits: [[1, 2]], sign: (bits) => HALVES[bits] ?? ' ' },
  ascii: { across: 1, down: 1, bits: [[1]], sign: (bits) => (bits === 0 ? ' ' : '*') },
};

/** What a chart is drawn against. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** From the lowest to the highest of these, and never nothing. */
export function rangeOf(values: readonly (number | null | undefined)[]): Range {
  const known = values.filter((value): value is number => typeof value === 'number' && Number.isFinite(value));
  const low = known.length === 0 ? 0 : Math.min(...known);
  const high = known.length === 0 ? 0 : Math.max(...known);
  return high > low ? { low, high } : { low: low - 1, high: high + 1 };
}

/** One value out of each dot's share of the points: the highest, so that no peak is lost. */
function spread(history: readonly (number | null)[], width: number): readonly (number | null)[] {
  const points = history.slice(-Math.max(width, history.length));
  if (points.length <= width) return [...Array.from({ length: width - points.length }, () => null), ...points];
  return Array.from({ length: width }, (_, i) => {
    const part = points.slice(Math.floor((i * points.length) / width), Math.floor(((i + 1) * points.length) / width));
    const known = part.filter((value): value is number => value !== null && Number.isFinite(value));
    return known.length === 0 ? null : Math.max(...known);
  });
}

/**
 * A line chart of `rows` rows of exactly `columns`, the newest value at the right; missing values are gaps. Drawn in the
 * finest signs that the terminal shows.
 */
export function chartRows(
  history: readonly (number | null)[],
  columns: number,
  rows: number,
  range: Range,
  theme: Theme,
): readonly string[] {
  const { across, down, bits, sign } = DOTS[theme.charts];
  const height = rows * down;
  const share = (value: number) => (value - range.low) / (range.high - range.low);
  const cells = Array.from({ length: rows }, () => Array.from({ length: columns }, () => 0));
  const dot = (x: number, y: number) => {
    const row = cells[Math.floor(y / down)];
    const column = Math.floor(x / across);
    if (row === undefined || row[column] === undefined) return;
    row[column] |= bits[x % across]?.[y % down] ?? 0;
  };
  let before: number | null = null;
  for (const [x, value] of spread(history, columns * across).entries()) {
    if (value === null || !Number.isFinite(value)) {
      before = null;
      continue;
    }
    const y = Math.max(0, Math.min(height - 1, Math.round((1 - share(value)) * (height - 1))));
    // A step is drawn as a line, or a spike would be a lone dot.
    const [from, to] = before === null ? [y, y] : [Math.min(before, y), Math.max(before, y)];
    for (let at = from; at <= to; at++) dot(x, at);
    before = y;
  }
  return cells.map((row) => row.map(sign).join(''));
}
