import type { Reading } from '../sense.ts';
import type { StatsdLine } from './parse.ts';

/** Names that are followed: each is a metric of its own in every sample, and learned. */
export const MAX_NAMES = 64;
/** Values of a timer, and members of a set, that are remembered between two samples. */
const MAX_VALUES = 1_024;
const MAX_MEMBERS = 4_096;
const MAX_MEMBER = 64;
/** A name that nobody sends any more is forgotten. */
const FORGET_MS = 3_600_000;
const PERCENTILE = 0.95;

interface Total {
  readonly kind: StatsdLine['kind'];
  /** A counter's sum, or a gauge's value. */
  sum: number;
  values: number[];
  seen: number;
  members: Set<string>;
  /** Of the last sample that had news of it, in monotonic milliseconds; null until the first. */
  heard: number | null;
  fresh: boolean;
}

/** What was sent between two samples, as numbers: bounded in names and in what is kept of each. */
export class Totals {
  readonly #totals = new Map<string, Total>();
  #before: number | null = null;
  /** Lines that were counted, and lines that were not: of too many names, or of a name that is of another kind. */
  taken = 0;
  refused = 0;

  add({ name, kind, values, relative, rate }: StatsdLine): void {
    const total = this.#totals.get(name) ?? this.#make(name, kind);
    if (total === null || total.kind !== kind) {
      this.refused++;
      return;
    }
    this.taken++;
    total.fresh = true;
    for (const value of values) {
      if (kind === 'set') {
        if (total.members.size < MAX_MEMBERS) total.members.add(value.slice(0, MAX_MEMBER));
      } else if (kind === 'timer') {
        // The newest are kept: a ring.
        total.values[total.seen++ % MAX_VALUES] = Number(value);
      } else if (kind === 'counter') {
        total.sum += Number(value) / rate;
      } else {
        total.sum = relative ? total.sum + Number(value) : Number(value);
      }
    }
  }

  /** Since the call before: counters a second, gauges as they are, timers' 95th percentile, how many members a set had. */
  readings(now: number): Reading[] {
    const passed = this.#before === null ? 0 : now - this.#before;
    this.#before = now;
    const readings: Reading[] = [];
    for (const [name, total] of this.#totals) {
      if (total.fresh || total.heard === null) total.heard = now;
      total.fresh = false;
      if (now - total.heard > FORGET_MS) this.#totals.delete(name);
      else readings.push(reading(name, total, passed));
    }
    return readings;
  }

  #make(name: string, kind: StatsdLine['kind']): Total | null {
    if (this.#totals.size >= MAX_NAMES) return null;
    const total: Total = { kind, sum: 0, values: [], seen: 0, members: new Set(), heard: null, fresh: true };
    this.#totals.set(name, total);
    return total;
  }
}

function reading(name: string, total: Total, passed: number): Reading {
  const metric = `statsd.${name}`;
  switch (total.kind) {
    case 'counter': {
      const value = passed > 0 ? (total.sum * 1_000) / passed : null;
      total.sum = 0;
      return { name: metric, unit: '/s', scale: 0.01, value };
    }
    case 'gauge':
      return { name: metric, unit: '', scale: 0.01, value: total.sum };
    case 'timer': {
      const sorted = total.values.sort((a, b) => a - b);
      const value = sorted[Math.ceil(PERCENTILE * sorted.length) - 1] ?? null;
      total.values = [];
      total.seen = 0;
      return { name: `${metric}.p95`, unit: 'ms', scale: 0.1, value };
    }
    case 'set': {
      const value = total.members.size;
      total.members = new Set();
      return { name: metric, unit: '', scale: 1, value };
    }
    default:
      return total.kind satisfies never;
  }
}
