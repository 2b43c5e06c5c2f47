import { Level } from './level.ts';
import { LEVEL, MEAN, Memory, type Range, SEASON, SLOW, SPREAD, STATISTICS, type Statistic } from './memory.ts';
import { FLOOR, SLICE_MS, STEPS, TICK_MS, WARM_SLICES } from './settings.ts';
import { Steps } from './steps.ts';

/** What is unusual about the present, and by how much. */
export interface Novelty {
  /** Distance outside the envelope, in envelope widths; 0 inside. */
  readonly z: number;
  readonly statistic: Statistic;
  /** The statistic's value, and the range that it was held against. */
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly width: number;
  /** Slices that the range was learned from. */
  readonly slices: number;
}

/** Gaps that the usual interval is the median of. */
const LEARNED_GAPS = 8;
/** A metric that hardly ever changed has not shown its resolution yet. */
const CHANGES_NEEDED = 10;
const VERSION = 2;
const MAGIC = 0x53424c00; // "SBL", then the version
/** Places of the scalars; behind them LEARNED_GAPS gaps. */
const INTERVAL = 0;
const SLICE = 1;
const LAST = 2;
const GAPS = 3;
/** The least change between two samples that was ever seen: in the present slice, and in those before. */
const FINEST_NOW = 4;
const FINEST = 5;
const VALUE = 6;
const CHANGES = 7;
const GAP_LIST = 8;
const SCALARS = GAP_LIST + LEARNED_GAPS;
const HEADER_BYTES = 8;

/** The last moment that a Date can name: beyond it slices could not be counted one by one. */
const MAX_TIME = 8.64e15;
/** Farther outside is not more unusual, and a number stays a number. */
const MAX_Z = 1e9;
/** Beyond this sums of squares overflow: no metric of a host comes near. */
const MAX_VALUE = 1e30;

/**
 * What is normal for one metric, learned while it streams: its level, and the mean and spread of the last slice, each
 * against a rolling envelope; the mean against the same time of day; and the mean of half a day. Constant work per
 * sample, constant size, and all of its state can be written down.
 */
export class Baseline {
  readonly #scalars = new Float64Array(SCALARS);
  readonly #level = new Level();
  readonly #steps = new Steps();
  readonly #memory = new Memory();
  /** The least change, in the metric's unit, that could matter. */
  readonly #least: number;
  /** What the last sample was farthest outside of, and by how many widths. */
  #z = 0;
  #fast = 0;
  #place: number = LEVEL;
  #value = 0;
  /** The step and the level that this was found of. */
  #judgedStep = Number.NaN;
  #judgedLevel = Number.NaN;

  constructor(options: { readonly interval?: number; readonly least?: number } = {}) {
    this.#least = Math.max(1e-9, options.least ?? 0);
    if (options.interval !== undefined) this.#setInterval(options.interval);
    this.#scalars[LAST] = Number.NaN;
    this.#scalars[VALUE] = Number.NaN;
  }

  /** The usual milliseconds between samples; 0 while unknown. */
  get interval(): number {
    return this.#at(INTERVAL);
  }

  /** Milliseconds of one slice of the past; 0 while the interval is unknown. */
  get slice(): number {
    return this.#at(SLICE);
  }

  /**
   * How far outside its envelope the metric is, in envelope widths; 0 inside. NaN while there is nothing to compare with: at
   * the start, after a gap, without a full day. `ts` in milliseconds.
   */
  add(ts: number, value: number): number {
    if (!(ts >= 0 && ts <= MAX_TIME) || !Number.isFinite(value)) return Number.NaN;
    const scalars = this.#scalars;
    const passed = ts - (scalars[LAST] ?? Number.NaN);
    if (passed <= 0) {
      // A clock that was set back: old and new times can't be compared. A little of it is only a late sample.
      if (-passed > Math.max(SLICE_MS, this.slice)) this.#forget();
      else return Number.NaN;
    }
    scalars[LAST] = ts;
    if (scalars[INTERVAL] === 0 && !this.#learnInterval(passed)) return Number.NaN;
    const bounded = Math.min(MAX_VALUE, Math.max(-MAX_VALUE, value));
    if (bounded !== scalars[VALUE]) this.#learnResolution(bounded);
    if (!this.#level.add(ts, bounded, scalars[INTERVAL] ?? 0)) return Number.NaN;
    this.#judge(ts, this.#level.value());
    return this.#memory.slices < WARM_SLICES ? Number.NaN : this.#z;
  }

  /** The same without the slow mean, of the last sample that was compared. */
  get fast(): number {
    return this.#fast;
  }

  /** Slices that are known, up to two weeks. */
  get slices(): number {
    return this.#memory.slices;
  }

  /** What the last sample that was compared is outside of, with the numbers. */
  novelty(): Novelty {
    const memory = this.#memory;
    const place = this.#place;
    const { low, high } = place === SEASON ? memory.season() : { low: memory.low(place), high: memory.high(place) };
    return {
      z: this.#z,
      statistic: STATISTICS[place] ?? 'level',
      value: this.#value,
      low,
      high,
      width: memory.width(place, FLOOR, this.#least),
      slices: memory.slices,
    };
  }

  /** The present level; NaN while there is none. */
  get level(): number {
    return this.#level.value();
  }

  /** The trimmed range of levels; null in a cold start. */
  range(): Range | null {
    const memory = this.#memory;
    return memory.slices < WARM_SLICES ? null : { low: memory.low(LEVEL), high: memory.high(LEVEL) };
  }

  /** Change of the level per second over the last slice, by least squares; null with too few steps. */
  slope(): number | null {
    const step = this.slice / STEPS;
    const slope = this.#steps.slope(Math.floor(this.#at(LAST) / step));
    return slope === null ? null : slope / (step / 1_000);
  }

  #at(place: number): number {
    return this.#scalars[place] ?? Number.NaN;
  }

  #forget(): void {
    const { interval } = this;
    this.#scalars.fill(0);
    this.#scalars[VALUE] = Number.NaN;
    this.#judgedStep = Number.NaN;
    this.#level.clear();
    this.#steps.clear();
    this.#memory.clear();
    if (interval > 0) this.#setInterval(interval);
  }

  #setInterval(interval: number): void {
    const bounded = Math.min(MAX_TIME, Math.max(1, interval));
    this.#scalars[INTERVAL] = bounded;
    this.#scalars[SLICE] = Math.max(SLICE_MS, STEPS * bounded);
  }

  #learnInterval(passed: number): boolean {
    if (!(passed > 0)) return false;
    const count = this.#at(GAPS);
    this.#scalars[GAP_LIST + count] = passed;
    this.#scalars[GAPS] = count + 1;
    if (count + 1 < LEARNED_GAPS) return false;
    const sorted = this.#scalars.slice(GAP_LIST, GAP_LIST + LEARNED_GAPS).sort();
    this.#setInterval(sorted[LEARNED_GAPS >> 1] ?? TICK_MS);
    return true;
  }

  #learnResolution(value: number): void {
    const change = Math.abs(value - this.#at(VALUE));
    this.#scalars[VALUE] = value;
    const finest = this.#at(FINEST_NOW);
    if (!(change > 0)) return;
    this.#scalars[CHANGES] = this.#at(CHANGES) + 1;
    if (finest === 0 || change < finest) this.#scalars[FINEST_NOW] = change;
  }

  /** Holds each statistic against its envelope, and remembers the one that is farthest outside. */
  #judge(ts: number, level: number): void {
    const memory = this.#memory;
    const scalars = this.#scalars;
    const slice = scalars[SLICE] ?? 0;
    const step = Math.floor(ts / (slice / STEPS));
    // Within a step the same level says the same again: of a metric that stands still nothing is reckoned.
    if (step === this.#judgedStep && level === this.#judgedLevel) return;
    this.#judgedStep = step;
    this.#judgedLevel = level;
    if (memory.open(Math.floor(ts / slice), Math.round(86_400_000 / slice))) {
      scalars[FINEST] = this.#at(CHANGES) < CHANGES_NEEDED ? 0 : this.#at(FINEST_NOW);
    }
    this.#z = 0;
    this.#fast = 0;
    this.#place = LEVEL;
    this.#value = 0;
    this.#see(LEVEL, level);
    this.#steps.tell(step, level);
    const mean = this.#steps.mean();
    if (Number.isNaN(mean)) return;
    this.#see(MEAN, mean);
    this.#see(SPREAD, this.#steps.spread(mean));
    const beyond = memory.beyondSeason(mean);
    if (beyond !== null) this.#see(SEASON, beyond);
    const slow = memory.slow(mean);
    if (slow !== null) this.#see(SLOW, slow);
    memory.keepMean(mean);
  }

  #see(place: number, value: number): void {
    // One step of the metric's own resolution is no news.
    const outside = this.#memory.see(place, value) - (this.#scalars[FINEST] ?? 0);
    if (!(outside > 0)) return;
    const z = Math.min(MAX_Z, outside / this.#memory.width(place, FLOOR, this.#least));
    if (place !== SLOW && z > this.#fast) this.#fast = z;
    if (!(z > this.#z)) return;
    this.#z = z;
    this.#place = place;
    this.#value = value;
  }

  /** All that was learned, with a version: 15 kB at most. */
  toBytes(): Uint8Array {
    const parts = [
      new Uint8Array(new Uint32Array([MAGIC | VERSION, 0]).buffer),
      bytesOf(this.#scalars),
      bytesOf(this.#level.state),
      bytesOf(this.#steps.state),
      bytesOf(this.#memory.scalars),
      bytesOf(this.#memory.rows),
    ];
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** The reverse of toBytes; null for anything of another version or length: learning then starts anew. */
  static fromBytes(bytes: Uint8Array, options: { readonly least?: number } = {}): Baseline | null {
    const baseline = new Baseline(options);
    const into = [
      baseline.#scalars,
      baseline.#level.state,
      baseline.#steps.state,
      baseline.#memory.scalars,
      baseline.#memory.rows,
    ];
    const length = into.reduce((sum, part) => sum + part.byteLength, HEADER_BYTES);
    if (bytes.length !== length) return null;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (view.getUint32(0, true) !== (MAGIC | VERSION)) return null;
    let at = HEADER_BYTES;
    for (const part of into) {
      bytesOf(part).set(bytes.subarray(at, at + part.byteLength));
      at += part.byteLength;
    }
    baseline.#level.restored();
    return baseline.#isSound() ? baseline : null;
  }

  /** A file that was tampered with may make it deaf, but never make it throw or run for ever. */
  #isSound(): boolean {
    const [interval, gaps] = [this.interval, this.#at(GAPS)];
    return (
      interval >= 0 &&
      interval <= MAX_TIME &&
      this.slice === (interval === 0 ? 0 : Math.max(SLICE_MS, STEPS * interval)) &&
      Number.isInteger(gaps) &&
      gaps >= 0 &&
      gaps <= (interval > 0 ? LEARNED_GAPS : LEARNED_GAPS - 1) &&
      this.#level.isSound() &&
      this.#memory.isSound()
    );
  }
}

const bytesOf = (part: Float64Array | Float32Array) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
