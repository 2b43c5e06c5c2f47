/** Points that are remembered: at the fastest sampling of 0.2 s a minute has 300, and they are joined beyond this. */
const MAX_POINTS = 64;

/**
 * How often something happened within a window, from a counter that only grows: what turns the kernel's counters into
 * events. A counter that began anew has not happened; nor has what it counted before it was first seen.
 */
export class Recent {
  readonly #windowMs: number;
  #last: number | undefined;
  #points: { at: number; count: number }[] = [];

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** The increase within the window, the present value of the counter included. */
  see(now: number, counter: number): number {
    const grown = this.#last === undefined ? 0 : Math.max(0, counter - this.#last);
    this.#last = counter;
    if (grown > 0) {
      const newest = this.#points.at(-1);
      if (newest !== undefined && this.#points.length >= MAX_POINTS) {
        newest.at = now;
        newest.count += grown;
      } else {
        this.#points.push({ at: now, count: grown });
      }
    }
    this.#points = this.#points.filter(({ at }) => now - at < this.#windowMs);
    return this.#points.reduce((sum, { count }) => sum + count, 0);
  }
}
