import { Level } from './level.ts';
import { Memory, type Range, STATISTICS, type Statistic } from './memory.ts';
import { FLOOR, SLICE_MS, STEPS, STEPS_NEEDED, TICK_MS, WARM_SLICES } from './settings.ts';

/** What is unusual about the present, and by how much. */
export interface Novelty {
  /** Distance outside the envelope, in envelope widths; 0 inside. */
  readonly z: number;
  /** The same without the slow mean. */
  readonly fast: number;
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
const VERSION = 1;
const MAGIC = 0x53424c00; // "SBL", then the version
/** Places of the scalars; behind them LEARNED_GAPS gaps, then number and value of each step. */
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
const STEP_LIST = GAP_LIST + LEARNED_GAPS;
const SCALARS = STEP_LIST + 2 * STEPS;
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
  readonly #memory = new Memory();
  /** The least change, in the metric's unit, that could matter. */
  readonly #least: number;

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

  /** `ts` in milliseconds. Null while there is nothing to compare with: at the start, after a gap, without a full day. */
  add(ts: number, value: number): Novelty | null {
    if (!(ts >= 0 && ts <= MAX_TIME) || !Number.isFinite(value)) return null;
    const passed = ts - this.#at(LAST);
    if (passed <= 0) {
      // A clock that was set back: old and new times can't be compared. A little of it is only a late sample.
      if (-passed > Math.max(SLICE_MS, this.slice)) this.#forget();
      else return null;
    }
    this.#scalars[LAST] = ts;
    if (this.interval === 0 && !this.#learnInterval(passed)) return null;
    const bounded = Math.min(MAX_VALUE, Math.max(-MAX_VALUE, value));
    this.#learnResolution(bounded);
    if (!this.#level.add(ts, bounded, this.interval)) return null;
    return this.#judge(ts, this.#level.value());
  }

  /** The present level; NaN while there is none. */
  get level(): number {
    return this.#level.value();
  }

  /** The trimmed range of levels; null in a cold start. */
  range(): Range | null {
    return this.#memory.slices < WARM_SLICES ? null : this.#memory.range('level');
  }

  /** Change of the level per second over the last slice, by least squares; null with too few steps. */
  slope(): number | null {
    let [n, t, tt, v, tv] = [0, 0, 0, 0, 0];
    const now = Math.floor(this.#at(LAST) / this.#step());
    for (let i = 0; i < STEPS; i++) {
      const x = this.#at(STEP_LIST + 2 * i) - now;
      if (!(x > -STEPS)) continue;
      const y = this.#at(STEP_LIST + 2 * i + 1);
      n++;
      t += x;
      tt += x * x;
      v += y;
      tv += x * y;
    }
    return n < STEPS_NEEDED ? null : (n * tv - t * v) / (n * tt - t * t) / (this.#step() / 1_000);
  }

  #at(place: number): number {
    return this.#scalars[place] ?? Number.NaN;
  }

  #step(): number {
    return this.slice / STEPS;
  }

  #forget(): void {
    const { interval } = this;
    this.#scalars.fill(0);
    this.#scalars[VALUE] = Number.NaN;
    this.#level.clear();
    this.#memory.clear();
    if (interval > 0) this.#setInterval(interval);
  }

  #setInterval(interval: number): void {
    const bounded = Math.min(MAX_TIME, Math.max(1, interval));
    this.#scalars[INTERVAL] = bounded;
    this.#scalars[SLICE] = Math.max(SLICE_MS, STEPS * bounded);
    for (let i = 0; i < STEPS; i++) this.#scalars[STEP_LIST + 2 * i] = Number.NEGATIVE_INFINITY;
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

  #judge(ts: number, level: number): Novelty | null {
    const memory = this.#memory;
    if (memory.open(Math.floor(ts / this.slice), Math.round(86_400_000 / this.slice))) {
      this.#scalars[FINEST] = this.#at(CHANGES) < CHANGES_NEEDED ? 0 : this.#at(FINEST_NOW);
    }
    const scalars = this.#scalars;
    const number = Math.floor(ts / this.#step());
    const at = STEP_LIST + 2 * (number % STEPS);
    scalars[at] = number;
    scalars[at + 1] = level;
    const found = new Finder(memory, this.#least, this.#at(FINEST));
    found.see('level', level);
    // Read in place: a call for each of these is half of the work where nothing is compiled.
    const oldest = number - STEPS;
    let n = 0;
    let sum = 0;
    for (let i = STEP_LIST; i < SCALARS; i += 2) {
      if (!((scalars[i] ?? 0) > oldest)) continue;
      n++;
      sum += scalars[i + 1] ?? 0;
    }
    if (n >= STEPS_NEEDED) {
      const mean = sum / n;
      let squares = 0;
      for (let i = STEP_LIST; i < SCALARS; i += 2) {
        if ((scalars[i] ?? 0) > oldest) squares += ((scalars[i + 1] ?? 0) - mean) ** 2;
      }
      found.see('mean', mean);
      found.see('spread', Math.sqrt(squares / n));
      const beyond = memory.beyondSeason(mean);
      if (beyond !== null) found.see('season', beyond);
      const slow = memory.slow(mean);
      if (slow !== null) found.see('slow', slow);
      memory.keepMean(mean);
    }
    return memory.slices < WARM_SLICES ? null : found.novelty();
  }

  /** All that was learned, with a version: 15 kB at most. */
  toBytes(): Uint8Array {
    const parts = [
      new Uint8Array(new Uint32Array([MAGIC | VERSION, 0]).buffer),
      bytesOf(this.#scalars),
      bytesOf(this.#level.state),
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
    const into = [baseline.#scalars, baseline.#level.state, baseline.#memory.scalars, baseline.#memory.rows];
    const length = into.reduce((sum, part) => sum + part.byteLength, HEADER_BYTES);
    if (bytes.length !== length) return null;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (view.getUint32(0, true) !== (MAGIC | VERSION)) return null;
    let at = HEADER_BYTES;
    for (const part of into) {
      bytesOf(part).set(bytes.subarray(at, at + part.byteLength));
      at += part.byteLength;
    }
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

/** Holds each statistic against its envelope and remembers the one that is farthest outside. */
class Finder {
  readonly #memory: Memory;
  readonly #least: number;
  readonly #finest: number;
  #z = 0;
  #fast = 0;
  #statistic: Statistic = 'level';
  #value = 0;

  constructor(memory: Memory, least: number, finest: number) {
    this.#memory = memory;
    this.#finest = finest;
    this.#least = least;
  }

  see(statistic: Statistic, value: number): void {
    const memory = this.#memory;
    const place = STATISTICS.indexOf(statistic);
    memory.keep(place, value);
    const above = value - memory.high(place);
    const below = memory.low(place) - value;
    // One step of the metric's own resolution is no news.
    const outside = Math.max(above, below) - this.#finest;
    if (!(outside > 0)) return;
    const z = Math.min(MAX_Z, outside / memory.width(place, FLOOR, this.#least));
    if (statistic !== 'slow' && z > this.#fast) this.#fast = z;
    if (!(z > this.#z)) return;
    this.#z = z;
    this.#statistic = statistic;
    this.#value = value;
  }

  novelty(): Novelty {
    const memory = this.#memory;
    const place = STATISTICS.indexOf(this.#statistic);
    const seasonal = this.#statistic === 'season';
    const season = memory.season();
    return {
      z: this.#z,
      fast: this.#fast,
      statistic: this.#statistic,
      value: this.#value,
      low: seasonal ? season.low : memory.low(place),
      high: seasonal ? season.high : memory.high(place),
      width: memory.width(place, FLOOR, this.#least),
      slices: memory.slices,
    };
  }
}
