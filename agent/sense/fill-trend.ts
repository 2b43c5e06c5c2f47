/** One remembered point for each five minutes: a trend over an hour, and what is kept is small. */
const POINT_MS = 300_000;
const POINTS = 13;
/** Growth must have gone on for half an hour before it says anything of the future. */
const LEAST_MS = 1_800_000;
/** A future farther than this is no reason to act: it is told as this much. */
export const MAX_HOURS = 720;
const HOUR_MS = 3_600_000;

/** How one filesystem filled in the last hour, and when it will be full if that goes on. Times are monotonic milliseconds. */
export class FillTrend {
  #points: { readonly at: number; readonly used: number }[] = [];

  /** Takes the present fill. */
  see(now: number, used: number): void {
    const newest = this.#points.at(-1);
    if (newest !== undefined && now < newest.at) this.#points = [];
    if (newest === undefined || now - newest.at >= POINT_MS || now < newest.at) this.#points.push({ at: now, used });
    if (this.#points.length > POINTS) this.#points.shift();
  }

  /** Bytes an hour since the oldest point; null before half an hour was seen. */
  perHour(now: number, used: number): number | null {
    const [oldest] = this.#points;
    if (oldest === undefined || now - oldest.at < LEAST_MS) return null;
    return ((used - oldest.used) * HOUR_MS) / (now - oldest.at);
  }

  /**
   * Hours until `free` is used up. The growth must have gone on all the time: the slowest quarter of the window is
   * believed, so that a backup of some minutes, or a copy that has ended, forecasts nothing. Null before half an hour.
   */
  hoursLeft(now: number, used: number, free: number): number | null {
    if (this.perHour(now, used) === null) return null;
    const points = [...this.#points, { at: now, used }];
    let growth = Number.POSITIVE_INFINITY;
    for (let quarter = 0; quarter < 4; quarter++) {
      const from = points[Math.floor((quarter * (points.length - 1)) / 4)];
      const to = points[Math.floor(((quarter + 1) * (points.length - 1)) / 4)];
      if (from === undefined || to === undefined || to.at <= from.at) continue;
      growth = Math.min(growth, ((to.used - from.used) * HOUR_MS) / (to.at - from.at));
    }
    return growth <= 0 ? MAX_HOURS : Math.min(MAX_HOURS, free / growth);
  }
}
