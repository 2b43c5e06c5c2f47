import { type Reading, splitMetric } from '../sense/sense.ts';
import { type Finding, spokenSeconds, withUnit } from './finding.ts';
import { HYSTERESIS, type Limit, RECOVERY_SAMPLES, REPEAT_MS } from './limit.ts';
import { Window } from './window.ts';

/** A trend over the last two minutes is what an operator calls "now": long enough for noise to cancel out. */
const TREND_SECONDS = 120;
/** A forecast beyond this is not worth a sentence. */
const MAX_ETA_S = 30 * 86_400;
/** A silence of so many usual intervals, and at least so long, interrupts whatever was going on. */
const GAP_INTERVALS = 4;
const MIN_GAP_MS = 15_000;

interface State {
  readonly limit: Limit;
  readonly subject: string;
  readonly window: Window;
  lastTs: number;
  /** The usual milliseconds between samples; 0 while unknown. */
  interval: number;
  /** The present run of samples over the limit. */
  over: { since: number; count: number } | null;
  good: number;
  /** The anomaly that was said and has not recovered. */
  active: { said: number; at: number } | null;
  /** The last reading and the bound that it was held against. */
  last: { readonly reading: Reading; readonly value: number; readonly bound: number } | null;
  /** Samples in a row that no longer had this metric at all. */
  absent: number;
}

/** One metric held against its hard limit: an anomaly when it is beyond it for long enough, one recovery when it is back. */
export class LimitedMetric {
  readonly #state: State;

  constructor(name: string, limit: Limit) {
    const { label } = splitMetric(name);
    this.#state = {
      limit,
      subject: label === '' ? 'host' : label,
      window: new Window(),
      lastTs: Number.NaN,
      interval: 0,
      over: null,
      good: 0,
      active: null,
      last: null,
      absent: 0,
    };
  }

  /** Milliseconds since the epoch of the last sample. */
  get seen(): number {
    return this.#state.lastTs;
  }

  /** Said, and not recovered. */
  get active(): boolean {
    return this.#state.active !== null;
  }

  /** Beyond the limit at the last sample, said or not yet. */
  get crossed(): boolean {
    return this.#state.over !== null;
  }

  feed(ts: number, reading: Reading, value: number): Finding | null {
    return step(this.#state, ts, reading, value);
  }

  /** A sample without this metric; the recovery when it is gone for good, null before that. */
  miss(ts: number): Finding | null {
    const state = this.#state;
    const { last } = state;
    if (++state.absent < RECOVERY_SAMPLES || last === null) return null;
    state.active = null;
    state.lastTs = ts;
    return {
      ...common(state, last.reading, last.value, last.bound),
      kind: 'recovery',
      severity: 'info',
      reason: `${sentenceSubject(state)}: no longer there to be measured.`,
    };
  }

  /** A sample that has it. */
  meet(): void {
    this.#state.absent = 0;
  }
}

function step(state: State, ts: number, reading: Reading, value: number): Finding | null {
  const passed = ts - state.lastTs;
  if (passed < 0) state.window.clear();
  if (isGap(state, passed)) {
    state.over = null;
    state.good = 0;
  }
  if (passed > 0) state.interval = state.interval === 0 ? passed : Math.min(passed, state.interval * 1.1);
  state.lastTs = ts;
  state.window.add(ts, value);
  const bound = state.limit.at === 'declared' ? reading.limit : state.limit.at;
  if (bound === undefined || !Number.isFinite(bound)) return null;
  state.last = { reading, value, bound };
  const crossed = state.limit.healthy === 'above' ? value <= bound : value >= bound;
  return crossed ? over(state, ts, reading, value, bound) : under(state, ts, reading, value, bound);
}

function isGap(state: State, passed: number): boolean {
  if (Number.isNaN(passed)) return false;
  return passed < 0 || (state.interval > 0 && passed > Math.max(MIN_GAP_MS, GAP_INTERVALS * state.interval));
}

function over(state: State, ts: number, reading: Reading, value: number, bound: number): Finding | null {
  const { limit } = state;
  state.good = 0;
  state.over ??= { since: ts, count: 0 };
  state.over.count++;
  const held = state.over.count >= limit.samples && ts - state.over.since >= limit.ms;
  if (state.active === null) {
    if (!held) return null;
    state.active = { said: ts, at: state.over.since };
  } else {
    // A clock that went back would otherwise silence it until the old time is reached again.
    if (ts >= state.active.said && ts - state.active.said < REPEAT_MS) return null;
    state.active.said = ts;
  }
  return anomaly(state, reading, value, bound);
}

function under(state: State, ts: number, reading: Reading, value: number, bound: number): Finding | null {
  const { limit } = state;
  state.over = null;
  if (state.active === null) return null;
  const back = HYSTERESIS * Math.abs(bound);
  if (limit.healthy === 'above' ? value < bound + back : value > bound - back) {
    state.good = 0;
    return null;
  }
  if (++state.good < RECOVERY_SAMPLES) return null;
  const lasted = Math.max(0, ts - state.active.at) / 1_000;
  state.active = null;
  state.good = 0;
  const what = sentenceSubject(state);
  return {
    ...common(state, reading, value, bound),
    kind: 'recovery',
    severity: 'info',
    reason: `${what}: ${withUnit(value, reading.unit)}, ${limit.healthy === 'above' ? 'over' : 'under'} the limit of ${withUnit(bound, reading.unit)} again after ${spokenSeconds(lasted)}.`,
  };
}

function anomaly(state: State, reading: Reading, value: number, bound: number): Finding {
  const { limit, window, over: run, active } = state;
  const normal = window.normal(active?.at ?? run?.since ?? state.lastTs);
  // A flat past has no spread: a hundredth of the limit is the least step that could matter.
  const spread = normal === null ? 0 : Math.max(normal.sd, reading.scale, Math.abs(bound) / 100);
  const sigma = normal === null ? undefined : (value - normal.mean) / spread;
  const slope = window.slope(TREND_SECONDS);
  const eta = timeLeft(value, limit.full, slope);
  const parts = [`${sentenceSubject(state)}: ${withUnit(value, reading.unit)}`];
  const side = limit.healthy === 'above' ? 'under' : 'over';
  parts.push(`${side} ${limit.at === 'declared' ? 'its budget' : 'the limit'} of ${withUnit(bound, reading.unit)}`);
  const lasted = run === null ? 0 : (state.lastTs - run.since) / 1_000;
  if (run !== null) parts.push(`for ${run.count} samples in ${spokenSeconds(lasted)}`);
  if (normal !== null) parts.push(`against ${withUnit(normal.mean, reading.unit)} before`);
  if (slope !== null && Math.abs(slope) * TREND_SECONDS > spread) {
    parts.push(`${slope > 0 ? 'growing' : 'falling'} by ${withUnit(Math.abs(slope) * 60, reading.unit)} a minute`);
  }
  if (eta !== undefined) parts.push(`full in ${spokenSeconds(eta)}`);
  return {
    ...common(state, reading, value, bound),
    kind: 'anomaly',
    severity: isCritical(limit, value) ? 'critical' : limit.severity,
    ...(normal === null ? {} : { baseline: { mean: normal.mean, sd: normal.sd } }),
    ...(sigma === undefined ? {} : { sigma }),
    ...(slope === null ? {} : { trend_per_hour: slope * 3_600 }),
    ...(eta === undefined ? {} : { eta }),
    reason: `${parts.join(', ')}.`,
  };
}

function isCritical({ critical, healthy }: Limit, value: number): boolean {
  return critical !== undefined && (healthy === 'above' ? value <= critical : value >= critical);
}

const common = (state: State, reading: Reading, value: number, bound: number) => ({
  signal: state.limit.signal,
  metric: reading.name,
  value,
  limit: { value: bound, healthy: state.limit.healthy ?? ('below' as const) },
  fingerprint: `${state.limit.signal}:${state.subject}`,
});

function sentenceSubject({ limit, subject }: State): string {
  // A subject is a mount's path or a declared name, at most 200 long; its place in the sentence is fixed.
  const what = limit.what.replace('%', () => subject);
  return what.charAt(0).toUpperCase() + what.slice(1);
}

function timeLeft(value: number, full: number | undefined, slope: number | null): number | undefined {
  if (full === undefined || slope === null || slope <= 0 || value >= full) return undefined;
  const seconds = (full - value) / slope;
  return seconds <= MAX_ETA_S ? seconds : undefined;
}
