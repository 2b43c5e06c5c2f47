import { LEVEL_MS, TICK_MS, TICKS } from './settings.ts';

const NUMBER = 0;
const SUM = 1;
const COUNT = 2;
const HEAD = 3;
const NOW = 4;
const RING = 5;
const END = RING + 2 * TICKS;

/**
 * The metric's level: the median of the last five minutes. Samples that come faster than ticks are averaged into ticks
 * first; rarer ones are ticks themselves.
 */
export class Level {
  /** The open tick, the ring's head, the present level, then time and value of each tick. */
  readonly state = new Float64Array(END);
  readonly #sorted = new Float64Array(TICKS);

  constructor() {
    this.clear();
  }

  clear(): void {
    this.state.fill(0);
    this.state[NUMBER] = -1;
    this.state[NOW] = Number.NaN;
    for (let i = 0; i < TICKS; i++) this.state[RING + 2 * i] = Number.NEGATIVE_INFINITY;
  }

  /** True when the level was told anew: a tick ended, and at least half of the last five minutes is known. */
  add(ts: number, value: number, interval: number): boolean {
    // Three quarters: a timer of 30 s that is some seconds early is still a tick for each sample.
    if (interval >= 0.75 * TICK_MS) return this.#tick(ts, value, interval);
    const { state } = this;
    const number = Math.floor(ts / TICK_MS);
    const [open = -1, , count = 0] = state;
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
    return Number.isInteger(head) && head >= 0 && head < TICKS;
  }

  #tick(ts: number, value: number, interval: number): boolean {
    const { state } = this;
    const sorted = this.#sorted;
    const head = state[HEAD] ?? 0;
    state[RING + 2 * head] = ts;
    state[RING + 2 * head + 1] = value;
    state[HEAD] = (head + 1) % TICKS;
    // Half an interval of play: samples are never exactly on time.
    const oldest = ts - LEVEL_MS + interval / 2;
    let n = 0;
    for (let i = RING; i < END; i += 2) {
      const at = state[i] ?? 0;
      if (at !== ts && !(at > oldest && at < ts)) continue;
      const v = state[i + 1] ?? 0;
      let to = n++;
      for (; to > 0; to--) {
        const before = sorted[to - 1] ?? 0;
        if (!(before > v)) break;
        sorted[to] = before;
      }
      sorted[to] = v;
    }
    const expected = Math.min(TICKS, Math.max(1, Math.floor(LEVEL_MS / interval)));
    if (n < Math.ceil(expected / 2)) return false;
    state[NOW] = n % 2 === 1 ? (sorted[n >> 1] ?? 0) : ((sorted[n / 2 - 1] ?? 0) + (sorted[n / 2] ?? 0)) / 2;
    return true;
  }
}
