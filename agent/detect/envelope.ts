import { TRIM } from './settings.ts';

/** The most extreme values that a trimmed envelope can leave out, and one more. */
const MAX_KEPT = 8;

/**
 * The trimmed extremes of a column: the values of which a share TRIM is lower, or higher. Unknown values are NaN.
 * Work and memory are constant for a given number of rows: only the few most extreme values are kept sorted.
 */
export class Extremes {
  readonly #kept = new Float64Array(MAX_KEPT);
  #count = 0;
  #sign = 1;

  /** `side` 1 looks for the highest values, -1 for the lowest. */
  start(side: 1 | -1): void {
    this.#kept.fill(Number.NEGATIVE_INFINITY);
    this.#count = 0;
    this.#sign = side;
  }

  add(value: number): void {
    if (Number.isNaN(value)) return;
    this.#count++;
    const kept = this.#kept;
    const signed = this.#sign * value;
    let at = MAX_KEPT - 1;
    if (signed <= (kept[at] ?? 0)) return;
    while (at > 0 && (kept[at - 1] ?? 0) < signed) {
      kept[at] = kept[at - 1] ?? 0;
      at--;
    }
    kept[at] = signed;
  }

  get count(): number {
    return this.#count;
  }

  /** NaN while there was no value. */
  edge(): number {
    if (this.#count === 0) return Number.NaN;
    return this.#sign * (this.#kept[Math.min(MAX_KEPT - 1, Math.floor(this.#count * TRIM))] ?? Number.NaN);
  }
}
