import { LEVEL_MS, TICK_MS, TICKS } from './settings.ts';

const NUMBER = 0;
const SUM = 1;
const COUNT = 2;
const HEAD = 3;
const NOW = 4;
/** Times of the ticks, then their values. */
const TIMES = 5;
const VALUES = TIMES + TICKS;
const END = VALUES + TICKS;
/** In the place of a value that is too old: it is sorted behind all others. */
const GONE = Number.POSITIVE_INFINITY;

/**
 * The metric's level: the median of the last five minutes. Samples that come faster than ticks are averaged into ticks
 * first; rarer ones are ticks themselves.
 */
export class Level {
  /** The open tick, the ring's head, the present level, then times and values of the ticks. */
  readonly state = new Float64Array(END);
  /** The values that are not too old, in order. */
  readonly #sorted = new Float64Array(TICKS);
  #count = 0;

  constructor() {
    this.clear();
  }

  clear(): void {
    this.state.fill(0);
    this.state[NUMBER] = -1;
    this.state[NOW] = Number.NaN;
    this.state.fill(Number.NEGATIVE_INFINITY, TIMES, VALUES);
    this.restored();
  }

  /** The state was written over. */
  restored(): void {
    // All of them: the next tick takes out what is too old.
    this.#sorted.set(this.state.subarray(VALUES));
    this.#sorted.sort();
    this.#count = TICKS;
  }

  /** True when the level was told anew: a tick ended, and at least half of the last five minutes is known. */
  add(ts: number, value: number, interval: number): boolean {
    // Three quarters: a timer of 30 s that is some seconds early is still a tick for each sample.
    if (interval >= 0.75 * TICK_MS) return this.#tick(ts, value, interval);
    const { state } = this;
    const number = Math.floor(ts / TICK_MS);
    const open = state[NUMBER] ?? -1;
    const count = state[COUNT] ?? 0;
    const ended = open >= 0 && number !== open && count > 0;
    const told = ended && this.#tick((open + 1) * TICK_MS, (state[SUM] ?? 0) / count, TICK_MS);
    if (ended || open < 0) {
      state[NUMBER] = number;
      state[SUM] = 0;
      state[COUNT] = 0;
    }
    state[SUM] = (state[SUM] ?? 0) + value;
    state[COUNT] = (state[COUNT] ?? 0) + 1;
    return told;
  }

  value(): number {
    return this.state[NOW] ?? Number.NaN;
  }

  isSound(): boolean {
    const head = this.state[HEAD] ?? -1;
    return Number.isInteger(head) && head >= 0 && head < TICKS && this.state.subarray(VALUES).every(Number.isFinite);
  }

  #tick(ts: number, value: number, interval: number): boolean {
    const { state } = this;
    const sorted = this.#sorted;
    const head = state[HEAD] ?? 0;
    let count = this.#count;
    // Half an interval of play: samples are never exactly on time.
    const oldest = ts - LEVEL_MS + interval / 2;
    while (count > 0) {
      const last = (head - count + TICKS) % TICKS;
      // With all of them known the oldest one's place is the new one's.
      if (count < TICKS && (state[TIMES + last] ?? 0) > oldest) break;
      sorted[sorted.indexOf(state[VALUES + last] ?? 0)] = GONE;
      count--;
    }
    state[TIMES + head] = ts;
    state[VALUES + head] = value;
    state[HEAD] = (head + 1) % TICKS;
    sorted[sorted.indexOf(GONE)] = value;
    // The engine's own sort: where nothing is compiled a loop over ten is four times slower.
    sorted.sort();
    const n = count + 1;
    this.#count = n;
    const expected = Math.min(TICKS, Math.max(1, Math.floor(LEVEL_MS / interval)));
    if (n < Math.ceil(expected / 2)) return false;
    state[NOW] = n % 2 === 1 ? (sorted[n >> 1] ?? 0) : ((sorted[n / 2 - 1] ?? 0) + (sorted[n / 2] ?? 0)) / 2;
    return true;
  }
}
