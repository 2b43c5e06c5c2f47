import { Baseline } from './baseline.ts';
import {
  ALONE_BARS,
  ALONE_MS,
  DWELL_MS,
  FORECAST_S,
  FORECAST_SHARE,
  FREE_ALERTS,
  OBVIOUS,
  QUIET_SLICES,
  type Sensitivity,
  SLICES,
  THRESHOLD,
  WARM_SLICES,
  WITNESS_SHARE,
} from './settings.ts';

/** One sample's judgement. */
export interface Judgement {
  /** 0 is ordinary; 0.5 is at the threshold; 1 is infinitely far away. */
  readonly score: number;
  /** True once per trouble: at its first sample that was unusual for long enough. */
  readonly alert: boolean;
  /** Far enough outside to agree with a partner that is unusual. */
  readonly agrees: boolean;
}

/** Most samples are inside of everything. */
const ORDINARY: Judgement = { score: 0, alert: false, agrees: false };

export interface LearnerOptions {
  readonly sensitivity?: Sensitivity;
  /** In envelope widths, instead of a sensitivity: for measuring. */
  readonly threshold?: number;
  /** Milliseconds between samples, where it is known; it is learned otherwise. */
  readonly interval?: number;
  /** The least change in the metric's unit that could matter. */
  readonly least?: number;
  /** Where the resource ends, in the metric's unit. */
  readonly full?: number;
}

/** Times of the last alerts; the present excursion's start, or NaN. */
const ALERTS = 8;
const SINCE = ALERTS;
const PLACES = ALERTS + 1;
const BYTES = PLACES * 8;

/**
 * Decides when what a baseline finds unusual is worth a word: long enough, not said half a day ago, and the more often
 * it was said lately, the more unusual it must be. `sentinel detect` and the agent both decide here.
 */
export class Learner {
  #baseline: Baseline;
  readonly #options: LearnerOptions;
  readonly #threshold: number;
  readonly #state = new Float64Array(PLACES).fill(Number.NaN);

  constructor(options: LearnerOptions = {}) {
    this.#options = options;
    this.#threshold = options.threshold ?? THRESHOLD[options.sensitivity ?? 'medium'];
    this.#baseline = new Baseline(options);
  }

  get baseline(): Baseline {
    return this.#baseline;
  }

  /**
   * `ts` in milliseconds. `isAlone` tells whether the metric has partners, and all are as usual; it is asked only when that
   * matters. Null while there is nothing to compare with. Never throws. What it is about, the baseline tells.
   */
  add(ts: number, value: number, isAlone: (ts: number) => boolean = NOT_ALONE): Judgement | null {
    const z = this.#baseline.add(ts, value);
    if (Number.isNaN(z)) return null;
    const threshold = this.#threshold;
    // The lowest bar that there is: nothing is asked of the past for what is under it.
    if (z < threshold * FORECAST_SHARE) this.#state[SINCE] = Number.NaN;
    if (z === 0) return ORDINARY;
    const alert = z >= threshold * FORECAST_SHARE && this.#decide(ts, z, threshold, isAlone);
    return { score: z / (z + threshold), alert, agrees: z >= threshold * WITNESS_SHARE };
  }

  /** Seconds until full at the trend of the last hour; null where there is no end or no growth towards it. */
  eta(): number | null {
    const { full } = this.#options;
    const slope = this.#baseline.slope();
    if (full === undefined || slope === null || !(slope > 0)) return null;
    const left = full - this.#baseline.level;
    return left > 0 ? left / slope : null;
  }

  /** At most 16 kB. */
  toBytes(): Uint8Array {
    const learned = this.#baseline.toBytes();
    const bytes = new Uint8Array(BYTES + learned.length);
    bytes.set(new Uint8Array(this.#state.buffer));
    bytes.set(learned, BYTES);
    return bytes;
  }

  /** The reverse of toBytes; null when the bytes are of another version, damaged or cut. */
  static fromBytes(bytes: Uint8Array, options: LearnerOptions = {}): Learner | null {
    if (bytes.length < BYTES) return null;
    const baseline = Baseline.fromBytes(bytes.subarray(BYTES), options);
    if (baseline === null) return null;
    const learner = new Learner(options);
    learner.#baseline = baseline;
    new Uint8Array(learner.#state.buffer).set(bytes.subarray(0, BYTES));
    return learner;
  }

  #decide(ts: number, outside: number, threshold: number, isAlone: (ts: number) => boolean): boolean {
    const state = this.#state;
    const recent = SLICES * this.#baseline.slice;
    const quiet = QUIET_SLICES * this.#baseline.slice;
    let [count, oldest, silent, consequence] = [0, 0, false, false];
    for (let i = 0; i < ALERTS; i++) {
      const age = ts - (state[i] ?? Number.NaN);
      // An age below zero is from before a clock was set back.
      if (age >= 0 && age < recent) count++;
      if (age >= 0 && age < quiet) silent = true;
      if (age >= 0 && age < 2 * quiet) consequence = true;
      if (!((state[oldest] ?? 0) <= (state[i] ?? 0))) oldest = i;
      if (Number.isNaN(state[i])) oldest = i;
    }
    // The mean of half a day still holds what was said: only what is faster is news.
    const z = consequence ? this.#baseline.fast : outside;
    // Within reach of the bar only: a slope for each sample would cost more than all the rest.
    const soon = z >= threshold * FORECAST_SHARE && (this.eta() ?? Number.POSITIVE_INFINITY) <= FORECAST_S;
    // What was learned from one day is half as sure as what was learned from many.
    const young = 1 + WARM_SLICES / this.#baseline.slices;
    const bar = threshold * (soon ? FORECAST_SHARE : 1) * young;
    if (z < bar) {
      state[SINCE] = Number.NaN;
      return false;
    }
    if (!((state[SINCE] ?? Number.NaN) <= ts)) state[SINCE] = ts;
    if (silent || z < bar * (1 + Math.max(0, count - FREE_ALERTS))) return false;
    const dwell = !soon && z < bar * ALONE_BARS && isAlone(ts) ? ALONE_MS : DWELL_MS;
    if (z < OBVIOUS && ts - (state[SINCE] ?? ts) < dwell) return false;
    state[oldest] = ts;
    return true;
  }
}

const NOT_ALONE = (): boolean => false;
