import { STEPS, STEPS_NEEDED } from './settings.ts';

/** Places: the number of the newest step, then the level of each of the last twelve. */
const NEWEST = 0;
const LEVELS = 1;
const END = LEVELS + STEPS;
/** A step in which no level was told; no level is so low. */
const UNSEEN = Number.NEGATIVE_INFINITY;

/**
 * The levels of the last slice, a step each: their mean, spread and slope. A step's place follows from its number, so that
 * nothing moves when the next one begins.
 */
export class Steps {
  readonly state = new Float64Array(END).fill(UNSEEN);
  #seen = 0;

  clear(): void {
    this.state.fill(UNSEEN);
  }

  /** The level in this step, so far; numbers grow. What lies a slice back is forgotten. */
  tell(number: number, level: number): void {
    const { state } = this;
    const newest = state[NEWEST] ?? UNSEEN;
    if (number !== newest) {
      const skipped = Math.max(0, newest + 1, number - STEPS + 1);
      for (let gone = skipped; gone < number; gone++) state[LEVELS + (gone % STEPS)] = UNSEEN;
      state[NEWEST] = number;
    }
    state[LEVELS + (number % STEPS)] = level;
  }

  /** NaN while too few steps were seen: a gap is not an anomaly. */
  mean(): number {
    const { state } = this;
    let seen = 0;
    let sum = 0;
    for (let i = LEVELS; i < END; i++) {
      const level = state[i] ?? UNSEEN;
      if (level === UNSEEN) continue;
      seen++;
      sum += level;
    }
    this.#seen = seen;
    return seen < STEPS_NEEDED ? Number.NaN : sum / seen;
  }

  /** The standard deviation around the mean, which was asked for before. */
  spread(mean: number): number {
    const { state } = this;
    let squares = 0;
    for (let i = LEVELS; i < END; i++) {
      const level = state[i] ?? UNSEEN;
      if (level === UNSEEN) continue;
      const off = level - mean;
      squares += off * off;
    }
    return Math.sqrt(squares / this.#seen);
  }

  /** Change per step over the slice that ends with step `now`, by least squares; null with too few steps. */
  slope(now: number): number | null {
    const newest = this.state[NEWEST] ?? UNSEEN;
    let [n, t, tt, v, tv] = [0, 0, 0, 0, 0];
    for (let i = 0; i < STEPS; i++) {
      const y = this.state[LEVELS + i] ?? UNSEEN;
      const x = newest - ((newest - i + STEPS) % STEPS) - now;
      if (y === UNSEEN || !(x > -STEPS)) continue;
      n++;
      t += x;
      tt += x * x;
      v += y;
      tv += x * y;
    }
    return n < STEPS_NEEDED ? null : (n * tv - t * v) / (n * tt - t * t);
  }
}
