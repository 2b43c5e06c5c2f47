import { type Reading, splitMetric } from '../sense/sense.ts';
import { type Finding, spokenSeconds, withUnit } from './finding.ts';
import { LearnedMetric } from './learned-metric.ts';
import { HYSTERESIS, type Limit, RECOVERY_SAMPLES, REPEAT_MS } from './limit.ts';
import { LIMITS } from './limits.ts';
import { type Sensitivity, SLICE_MS, SLICES } from './settings.ts';
import { severityForRole } from './severity.ts';
import { Window } from './window.ts';

/** A trend over the last two minutes is what an operator calls "now": long enough for noise to cancel out. */
const TREND_SECONDS = 120;
/** A forecast beyond this is not worth a sentence. */
const MAX_ETA_S = 30 * 86_400;
/** A silence of so many usual intervals, and at least so long, interrupts whatever was going on. */
const GAP_INTERVALS = 4;
const MIN_GAP_MS = 15_000;
/** What has not been seen for this long is forgotten. */
const FORGET_MS = 3_600_000;
/** What was learned of a metric is kept as long as it can say anything: two weeks. */
const FORGET_LEARNED_MS = SLICES * SLICE_MS;
/** Metrics that are followed: as many as a message carries. */
const MAX_FOLLOWED = 512;

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

export interface DetectorOptions {
  /** What the host is for, as words or `role=word`: severities follow it. */
  readonly tags?: readonly string[];
  readonly sensitivity?: Sensitivity;
  /** What `save` gave in an earlier run, by metric. */
  readonly saved?: ReadonlyMap<string, Uint8Array>;
}

/**
 * Turns samples into findings: hard limits that must hold for a while, a baseline and a trend to explain them, and one
 * recovery when it is over; and beside the limits what was learned to be usual. Gaps and nulls are neither trouble nor
 * health. Constant work per metric; it never throws.
 */
export class Detector {
  readonly #limits: ReadonlyMap<string, Limit>;
  readonly #states = new Map<string, State>();

  readonly #learned = new Map<string, LearnedMetric>();
  readonly #context: { sensitivity: Sensitivity; tags: readonly string[] };
  readonly #saved: ReadonlyMap<string, Uint8Array>;

  constructor(limits: readonly Limit[] = LIMITS, options: DetectorOptions = {}) {
    this.#limits = new Map(limits.map((limit) => [limit.metric, limit]));
    this.#context = { sensitivity: options.sensitivity ?? 'medium', tags: options.tags ?? [] };
    this.#saved = options.saved ?? new Map();
  }

  /** What the host is for may change while it runs. */
  set tags(tags: readonly string[]) {
    this.#context.tags = tags;
  }

  /** What was learned, by metric, at most 16 kB each: given to the next Detector it goes on from there. */
  save(): Map<string, Uint8Array> {
    return new Map([...this.#learned].map(([name, metric]) => [name, metric.toBytes()]));
  }

  /** One sample, with its time in milliseconds since the epoch. */
  feed(ts: number, readings: readonly Reading[]): Finding[] {
    const findings: Finding[] = [];
    if (!Number.isFinite(ts) || ts < 0) return findings;
    for (const reading of readings) {
      if (reading.value === null || !Number.isFinite(reading.value)) continue;
      const { base, label } = splitMetric(reading.name);
      const limit = this.#limits.get(base);
      const state = limit === undefined ? null : this.#follow(reading.name, limit, label);
      const finding = state === null ? null : step(state, ts, reading, reading.value);
      if (finding !== null) findings.push(this.#forRole(finding));
      const speaks = finding !== null || (state !== null && state.active !== null);
      const voice = speaks ? 'speaks' : state !== null && state.over !== null ? 'crossed' : 'quiet';
      if (reading.learn === false) continue;
      const learned = this.#learn(reading, limit)?.feed(ts, reading.value, voice) ?? null;
      if (learned !== null) findings.push(learned);
    }
    findings.push(...this.#vanished(ts, readings), ...this.#learnedGone(ts, readings));
    for (const [name, { lastTs }] of this.#states) if (ts - lastTs > FORGET_MS) this.#states.delete(name);
    return findings;
  }

  /**
   * What is no longer there, an unmounted file system or a workload that is not declared any more, is no longer in
   * trouble. A sense that failed keeps its metrics, with nulls: that is a gap.
   */
  #vanished(ts: number, readings: readonly Reading[]): Finding[] {
    const active = [...this.#states].filter(([, state]) => state.active !== null);
    if (active.length === 0 || readings.length === 0) return [];
    const present = new Set(readings.map(({ name }) => name));
    return active.flatMap(([name, state]) => {
      state.absent = present.has(name) ? 0 : state.absent + 1;
      const { last } = state;
      if (state.absent < RECOVERY_SAMPLES || last === null) return [];
      state.active = null;
      state.lastTs = ts;
      return [
        {
          ...common(state, last.reading, last.value, last.bound),
          kind: 'recovery',
          severity: 'info',
          reason: `${sentenceSubject(state)}: no longer there to be measured.`,
        },
      ];
    });
  }

  #learnedGone(ts: number, readings: readonly Reading[]): Finding[] {
    let present: ReadonlySet<string> | null = null;
    const findings: Finding[] = [];
    for (const [name, metric] of this.#learned) {
      if (ts - metric.seen > FORGET_LEARNED_MS) this.#learned.delete(name);
      if (!metric.active) continue;
      present ??= new Set(readings.map((reading) => reading.name));
      metric.absent = present.has(name) ? 0 : metric.absent + 1;
      const finding = metric.absent < RECOVERY_SAMPLES || readings.length === 0 ? null : metric.gone();
      if (finding !== null) findings.push(finding);
    }
    return findings;
  }

  #forRole(finding: Finding): Finding {
    if (finding.kind === 'recovery') return finding;
    return { ...finding, severity: severityForRole(finding.severity, this.#context.tags) };
  }

  #learn(reading: Reading, limit: Limit | undefined): LearnedMetric | null {
    const known = this.#learned.get(reading.name);
    if (known !== undefined) return known;
    if (this.#learned.size >= MAX_FOLLOWED) return null;
    const metric = new LearnedMetric(reading, limit, this.#context, this.#saved.get(reading.name));
    this.#learned.set(reading.name, metric);
    return metric;
  }

  #follow(name: string, limit: Limit, label: string): State | null {
    const known = this.#states.get(name);
    if (known !== undefined) return known;
    if (this.#states.size >= MAX_FOLLOWED) return null;
    const state: State = {
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
    this.#states.set(name, state);
    return state;
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
