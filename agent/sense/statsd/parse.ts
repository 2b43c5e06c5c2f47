/** What one line of StatsD says, DogStatsD's additions included. */
export interface StatsdLine {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'timer' | 'set';
  /** Numbers, or a set's members as they were sent. */
  readonly values: readonly string[];
  /** A gauge's value is added to what it was. */
  readonly relative: boolean;
  /** The share of events that was sent, above 0 to 1: each stands for 1 / rate. */
  readonly rate: number;
}

const MAX_LINE = 2_048;
const MAX_VALUES = 64;
const KINDS: Readonly<Record<string, StatsdLine['kind']>> = {
  c: 'counter',
  g: 'gauge',
  ms: 'timer',
  h: 'timer',
  d: 'timer',
  s: 'set',
};
const NAME = /^[A-Za-z0-9_./-]{1,128}$/;
const NUMBER = /^[+-]?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,3})?$/;

/**
 * Reads `NAME:VALUE[:VALUE...]|TYPE[|@RATE][|#TAGS][|...]`; null for what is none, and for DogStatsD's events and service
 * checks. Tags are read over: each of their values would be one more metric.
 */
export function parseStatsd(line: string): StatsdLine | null {
  if (line.length > MAX_LINE) return null;
  const [head = '', type = '', ...rest] = line.split('|');
  const colon = head.indexOf(':');
  const name = head.slice(0, Math.max(0, colon));
  const kind = KINDS[type];
  if (kind === undefined || !NAME.test(name)) return null;
  const text = head.slice(colon + 1);
  const values = kind === 'set' ? [text] : text.split(':');
  if (text === '' || values.length > MAX_VALUES) return null;
  if (kind !== 'set' && !values.every((value) => NUMBER.test(value) && Number.isFinite(Number(value)))) return null;
  let rate = 1;
  for (const part of rest) {
    if (!part.startsWith('@')) continue;
    rate = NUMBER.test(part.slice(1)) ? Number(part.slice(1)) : 0;
    if (!(rate > 0 && rate <= 1)) return null;
  }
  const relative = kind === 'gauge' && /^[+-]/.test(text);
  return { name, kind, values, relative, rate };
}
