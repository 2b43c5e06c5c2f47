/**
 * Words of a report: a string is ours, `remote` was written by a host, a model or a person, and is never markup: a
 * renderer shows it as it is (invariant 12).
 */
export type Inline = string | { readonly remote: string };
export type Words = readonly Inline[];

/** One state of an incident, from when to when. */
export interface Phase {
  readonly state: string;
  readonly from: number;
  readonly to: number;
}

/** A metric around the incident; times are milliseconds since the epoch, gaps are null. */
export interface Series {
  readonly metric: string;
  readonly unit: string;
  readonly points: readonly { readonly at: number; readonly value: number | null }[];
  /** The bound that was crossed. */
  readonly limit: number | null;
  /** When the incident was opened, and when it ended. */
  readonly marks: readonly { readonly at: number; readonly label: string }[];
}

/** What a report is made of, whatever it is written as. */
export type Block =
  | { readonly kind: 'title' | 'heading' | 'line'; readonly words: Words }
  | { readonly kind: 'list'; readonly items: readonly Words[] }
  /** What a command wrote. */
  | { readonly kind: 'output'; readonly text: string }
  | { readonly kind: 'phases'; readonly phases: readonly Phase[] }
  | { readonly kind: 'series'; readonly series: Series };

export const remote = (text: string): Inline => ({ remote: text });

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** A duration in its two largest units: `2 h 5 min`, `41 s`, `350 ms`. */
export function lasting(ms: number): string {
  const first = UNITS.findIndex(([, size]) => ms >= size);
  if (first < 0) return `${Math.max(0, Math.round(ms))} ms`;
  let left = ms;
  const parts: string[] = [];
  for (const [unit, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.join(' ');
}

/** UTC, to the second. */
export const moment = (ms: number): string => new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
