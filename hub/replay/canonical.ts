import { createHash } from 'node:crypto';

/**
 * A value as text that depends on nothing but what it says: keys in order, without those that have no value. Two values
 * are the same decision exactly when these texts are the same bytes.
 */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) => (isRecord(one) ? sorted(one) : one)) ?? 'null';
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Where two values first differ, as `plan.steps.0.command`, with a piece of each; null when they are the same. */
export interface Difference {
  readonly at: string;
  readonly was: string;
  readonly is: string;
}

/** Characters of each side that are shown: from a little before the first that differs. */
const SHOWN = 120;
const BEFORE = 24;

export function firstDifference(then: unknown, now: unknown, at = ''): Difference | null {
  if (canonical(then) === canonical(now)) return null;
  if (isRecord(then) && isRecord(now)) return inside(Object.keys({ ...sorted(then), ...now }), then, now, at);
  if (Array.isArray(then) && Array.isArray(now)) {
    const longer = then.length >= now.length ? then : now;
    return inside(Object.keys(longer), { ...then }, { ...now }, at);
  }
  const [a, b] = [told(then), told(now)];
  let from = 0;
  while (from < a.length && a[from] === b[from]) from++;
  const start = Math.max(0, from - BEFORE);
  return { at, was: a.slice(start, start + SHOWN), is: b.slice(start, start + SHOWN) };
}

function inside(keys: readonly string[], then: Fields, now: Fields, at: string): Difference | null {
  for (const key of keys) {
    const found = firstDifference(then[key], now[key], at === '' ? key : `${at}.${key}`);
    if (found !== null) return found;
  }
  return null;
}

type Fields = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

const sorted = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));

const told = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined ? '' : canonical(value);
