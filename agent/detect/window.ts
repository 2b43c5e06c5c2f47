/** The short past of one metric: ten minutes, in buckets of ten seconds. Time and space are constant per sample. */
const BUCKET_MS = 10_000;
const BUCKETS = 60;
/** Fields of a bucket: its number, then sums of 1, v, v*v, t, t*t, t*v with t in seconds from the bucket's start. */
const FIELDS = 7;

export interface Normal {
  readonly mean: number;
  readonly sd: number;
  readonly count: number;
}

/** Mean, spread and slope of the last ten minutes: 3.4 kB a metric, some additions a sample. */
export class Window {
  readonly #sums = new Float64Array(BUCKETS * FIELDS).fill(0);
  #newest = -1;

  /** `ts` in milliseconds. A sample from before the newest bucket's window is dropped. */
  add(ts: number, value: number): void {
    const number = Math.floor(ts / BUCKET_MS);
    if (number < 0 || number <= this.#newest - BUCKETS) return;
    const at = (number % BUCKETS) * FIELDS;
    const sums = this.#sums;
    const t = (ts - number * BUCKET_MS) / 1_000;
    // One by one: this runs for each metric of each sample where nothing is compiled.
    if (sums[at] !== number || sums[at + 1] === 0) {
      sums[at] = number;
      sums[at + 1] = 1;
      sums[at + 2] = value;
      sums[at + 3] = value * value;
      sums[at + 4] = t;
      sums[at + 5] = t * t;
      sums[at + 6] = t * value;
    } else {
      sums[at + 1] = (sums[at + 1] ?? 0) + 1;
      sums[at + 2] = (sums[at + 2] ?? 0) + value;
      sums[at + 3] = (sums[at + 3] ?? 0) + value * value;
      sums[at + 4] = (sums[at + 4] ?? 0) + t;
      sums[at + 5] = (sums[at + 5] ?? 0) + t * t;
      sums[at + 6] = (sums[at + 6] ?? 0) + t * value;
    }
    if (number > this.#newest) this.#newest = number;
  }

  /** Forgets everything: after a clock that went backwards, old and new times can't be compared. */
  clear(): void {
    this.#sums.fill(0);
    this.#newest = -1;
  }

  /** What was normal before `ts`, by whole buckets: an excursion that began there is not part of it. */
  normal(before: number): Normal | null {
    const end = Math.floor(before / BUCKET_MS);
    let [count, sum, squares] = [0, 0, 0];
    for (const { n, v, vv } of this.#buckets(end)) {
      count += n;
      sum += v;
      squares += vv;
    }
    if (count < 3) return null;
    const mean = sum / count;
    return { mean, sd: Math.sqrt(Math.max(0, squares / count - mean * mean)), count };
  }

  /** Growth per second over the last `seconds` of the window, by least squares; null under three samples or 2 s. */
  slope(seconds: number): number | null {
    const first = this.#newest - Math.ceil(seconds / (BUCKET_MS / 1_000));
    let [n, t, tt, v, tv] = [0, 0, 0, 0, 0];
    for (const bucket of this.#buckets(this.#newest + 1)) {
      if (bucket.number < first) continue;
      const shift = (bucket.number - first) * (BUCKET_MS / 1_000);
      n += bucket.n;
      v += bucket.v;
      t += bucket.t + bucket.n * shift;
      tt += bucket.tt + 2 * shift * bucket.t + bucket.n * shift * shift;
      tv += bucket.tv + shift * bucket.v;
    }
    const spread = n * tt - t * t;
    // Samples within a spread of a second or so say nothing about a trend.
    if (n < 3 || spread / (n * n) < 0.5) return null;
    return (n * tv - t * v) / spread;
  }

  *#buckets(end: number) {
    for (let i = 0; i < BUCKETS; i++) {
      const [number = 0, n = 0, v = 0, vv = 0, t = 0, tt = 0, tv = 0] = this.#sums.subarray(
        i * FIELDS,
        (i + 1) * FIELDS,
      );
      if (n > 0 && number < end && number > this.#newest - BUCKETS) yield { number, n, v, vv, t, tt, tv };
    }
  }
}
