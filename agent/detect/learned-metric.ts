import type { Severity } from '../../broker/messages.ts';
import { type Reading, splitMetric } from '../sense/sense.ts';
import { confidenceOf, explain, sigmaOf } from './explain.ts';
import { type Finding, spokenSeconds, withUnit } from './finding.ts';
import { type Judgement, Learner } from './learner.ts';
import { type Limit, RECOVERY_SAMPLES } from './limit.ts';
import { ACCEPTED_SLICES, CALM_MS, type Sensitivity } from './settings.ts';
import { severityForRole, severityOfSigma } from './severity.ts';

/** A change below two points of a percentage, or ten steps of what is kept, is nothing that a person would act on. */
const leastOf = ({ unit, scale }: Reading): number => (unit === '%' ? 2 : 10 * scale);

/** What a metric's hard limit says: nothing, that it is crossed, or that this is trouble. */
export type LimitState = 'quiet' | 'crossed' | 'speaks';

/** An excursion that was said. */
interface Active {
  readonly at: number;
  readonly low: number;
  readonly high: number;
  calm: number | null;
}

export interface LearnedContext {
  readonly sensitivity: Sensitivity;
  readonly tags: readonly string[];
}

/** One metric's learned detection on a host: an anomaly when it is unusual, one recovery when that is over. */
export class LearnedMetric {
  readonly #reading: Reading;
  readonly #limit: Limit | undefined;
  readonly #context: LearnedContext;
  readonly #learner: Learner;
  #active: Active | null = null;
  #judged: Judgement | null = null;
  #seen = 0;
  /** Samples in a row that no longer had this metric at all. */
  #absent = 0;

  constructor(reading: Reading, limit: Limit | undefined, context: LearnedContext, saved?: Uint8Array) {
    this.#reading = reading;
    this.#limit = limit;
    this.#context = context;
    const options = {
      sensitivity: context.sensitivity,
      least: leastOf(reading),
      ...(limit?.full === undefined ? {} : { full: limit.full }),
    };
    this.#learner = (saved && Learner.fromBytes(saved, options)) || new Learner(options);
  }

  /** Milliseconds since the epoch of the last sample. */
  get seen(): number {
    return this.#seen;
  }

  /**
   * While a hard limit is crossed or speaks for this metric, learning goes on, but one voice is enough. `isAlone`
   * tells whether its partners are as usual.
   */
  feed(ts: number, value: number, limit: LimitState, isAlone: (ts: number) => boolean): Finding | null {
    this.#seen = ts;
    const judged = this.#learner.add(ts, value, isAlone);
    this.#judged = judged;
    // The limit's own recovery ends the trouble.
    if (limit === 'speaks') this.#active = null;
    if (judged === null || limit !== 'quiet') return null;
    if (this.#active !== null) return this.#recovered(ts, judged, this.#active);
    return judged.alert ? this.#anomaly(ts) : null;
  }

  /** A sample without this metric; the recovery when it is gone for good and was said, null before that. */
  miss(): Finding | null {
    const active = this.#active;
    if (++this.#absent < RECOVERY_SAMPLES || active === null) return null;
    this.#active = null;
    const reason = `${this.#what()}: no longer there to be measured.`;
    return { ...this.#common(active), kind: 'recovery', severity: 'info', reason };
  }

  /** A sample that has it. */
  meet(): void {
    this.#absent = 0;
  }

  get active(): boolean {
    return this.#active !== null;
  }

  /** Whether it is unusual now, said or not; undefined while it can't be known. */
  get unusual(): boolean | undefined {
    return this.#judged?.agrees;
  }

  /** The anomaly that was not said when it began, with the numbers of now; null when it is within its range now. */
  outlast(ts: number): Finding | null {
    return this.#active === null || this.#judged?.agrees !== true ? null : this.#anomaly(ts);
  }

  toBytes(): Uint8Array {
    return this.#learner.toBytes();
  }

  #anomaly(ts: number): Finding {
    const { baseline } = this.#learner;
    const novelty = baseline.novelty();
    const range = baseline.range() ?? novelty;
    const seasonal = novelty.statistic === 'season';
    this.#active = {
      at: ts,
      low: seasonal ? novelty.low : range.low,
      high: seasonal ? novelty.high : range.high,
      calm: null,
    };
    const sigma = sigmaOf(novelty);
    const slope = baseline.slope();
    const eta = this.#learner.eta();
    const parts = [explain(this.#what(), this.#reading.unit, novelty, baseline.slice)];
    if (eta !== null && eta < 86_400) parts.push(`full in ${spokenSeconds(eta)}`);
    return {
      ...this.#common(this.#active),
      kind: 'anomaly',
      severity: this.#severity(severityOfSigma(sigma)),
      baseline: { mean: (range.low + range.high) / 2, sd: novelty.width / 6 },
      sigma,
      confidence: confidenceOf(sigma),
      ...(slope === null ? {} : { trend_per_hour: slope * 3_600 }),
      ...(eta === null ? {} : { eta }),
      reason: `${parts.join(', ')}.`,
    };
  }

  #recovered(ts: number, { score }: Judgement, active: Active): Finding | null {
    const { level, slice } = this.#learner.baseline;
    const lasted = Math.max(0, ts - active.at);
    const inside = score < 0.5 && level >= active.low && level <= active.high;
    if (!inside) active.calm = null;
    else active.calm ??= ts;
    const calm = active.calm !== null && ts - active.calm >= CALM_MS;
    if (!calm && lasted < ACCEPTED_SLICES * slice) return null;
    this.#active = null;
    const value = withUnit(level, this.#reading.unit);
    const after = spokenSeconds(lasted / 1_000);
    const how = calm ? `back in its usual range after ${after}` : `taken as usual now, after ${after}`;
    return {
      ...this.#common(active),
      kind: 'recovery',
      severity: 'info',
      reason: `${this.#what()}: ${value}, ${how}.`,
    };
  }

  #severity(severity: Severity): Severity {
    return severityForRole(severity, this.#context.tags);
  }

  #common({ low, high }: Active) {
    const { base, label } = splitMetric(this.#reading.name);
    const { level } = this.#learner.baseline;
    const signal = this.#limit?.signal ?? base;
    const above = level >= (low + high) / 2;
    return {
      signal,
      metric: this.#reading.name,
      value: level,
      limit: { value: above ? high : low, healthy: above ? ('below' as const) : ('above' as const) },
      fingerprint: `${signal}:${label === '' ? 'host' : label}`,
    };
  }

  #what(): string {
    const { base, label } = splitMetric(this.#reading.name);
    const what = this.#limit?.what ?? (label === '' ? base : `${base} of %`);
    const said = what.replace('%', () => label);
    return said.charAt(0).toUpperCase() + said.slice(1);
  }
}
