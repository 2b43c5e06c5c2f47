import { Envelope } from './envelope.ts';
import { SEASON_DAYS, SEASON_SLOTS, SLICES } from './settings.ts';

/** The five things that are held against the past. */
export const STATISTICS = ['level', 'mean', 'spread', 'season', 'slow'] as const;
export type Statistic = (typeof STATISTICS)[number];
const COUNT = STATISTICS.length;
/** Their places in this order. */
export const [LEVEL, MEAN, SPREAD, SEASON, SLOW] = [0, 1, 2, 3, 4] as const;

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Columns of a slice: lowest and highest of each statistic, then the mean of the slice itself. */
const SLICE_MEAN = 2 * COUNT;
const COLUMNS = SLICE_MEAN + 1;

/** Places of the scalars. */
const CURRENT = 0;
const KNOWN = 1;
const DAYS = 2;
const SEASON_LOW = 3;
const SEASON_HIGH = 4;
const SLOW_SUM = 5;
const SLOW_COUNT = 6;
const OPEN = 7;
const EDGES = OPEN + COLUMNS;
const WIDTHS = EDGES + 2 * COUNT;
const SCALARS = WIDTHS + COUNT;

/** More slices than there are hours in all the time that a Date can name. */
const MAX_SLICE = 2 ** 32;
/** Half a day of slices makes the slow mean; most of them must be known. */
const SLOW_SLICES = 12;
const SLOW_NEEDED = 9;
/** So many means of half a day, three days of them overlapping, before the next can be unusual. */
const SLOW_WARM = 72;
/** The last half day is not yet the past for what is compared with a time of day: a slow leak would teach itself. */
const SEASON_GUARD = 12;

/**
 * Two weeks in slices: the extremes of each statistic in each, and the envelopes that follow from them. Envelopes are
 * reckoned once per slice. What happened at the same time of another day, or of the week before, is never unusual.
 */
export class Memory {
  /** A column after the other: each is sorted as a whole. */
  readonly rows = new Float32Array(COLUMNS * SLICES);
  readonly scalars = new Float64Array(SCALARS);

  constructor() {
    this.clear();
  }

  clear(): void {
    this.rows.fill(Number.NaN);
    this.scalars.fill(Number.NaN);
    this.scalars[CURRENT] = -1;
    this.scalars[KNOWN] = 0;
    this.scalars[DAYS] = 0;
    this.scalars[SLOW_SUM] = 0;
    this.scalars[SLOW_COUNT] = 0;
  }

  /** Slices that are known, up to two weeks. */
  get slices(): number {
    return this.#at(KNOWN);
  }

  low(place: number): number {
    return this.#at(EDGES + 2 * place);
  }

  high(place: number): number {
    return this.#at(EDGES + 2 * place + 1);
  }

  /** Where levels were at this time of other days. */
  season(): Range {
    return { low: this.#at(SEASON_LOW), high: this.#at(SEASON_HIGH) };
  }

  /** An envelope's width: its own, a share of the metric's size, and the least that could matter, whichever is most. */
  width(place: number, floor: number, least: number): number {
    const size = Math.max(Math.abs(this.low(0)), Math.abs(this.high(0)));
    const own = this.#at(WIDTHS + place);
    // What is unusual for the time of day alone must be so by the measure of the whole metric.
    const whole = place === SEASON ? this.#at(WIDTHS) : 0;
    return Math.max(own, whole, floor * size, least);
  }

  /** How far the mean is from all levels at this time of other days; null while too few such days are known. */
  beyondSeason(mean: number): number | null {
    if (!(this.#at(DAYS) >= SEASON_DAYS)) return null;
    return Math.max(0, mean - this.#at(SEASON_HIGH), this.#at(SEASON_LOW) - mean);
  }

  /** The mean of half a day, with the present mean as its newest part; null when too little is known. */
  slow(mean: number): number | null {
    const count = this.#at(SLOW_COUNT) + 1;
    return count < SLOW_NEEDED ? null : (this.#at(SLOW_SUM) + mean) / count;
  }

  /** Keeps the present value of a statistic, and tells how far outside its envelope that is: not above 0 within; NaN without one. */
  see(place: number, value: number): number {
    const { scalars } = this;
    // Read in place: this runs five times for each metric of each sample, where a call costs as much as all of it.
    const low = OPEN + 2 * place;
    if (!(value >= (scalars[low] ?? Number.NaN))) scalars[low] = value;
    if (!(value <= (scalars[low + 1] ?? Number.NaN))) scalars[low + 1] = value;
    const edge = EDGES + 2 * place;
    return Math.max(value - (scalars[edge + 1] ?? Number.NaN), (scalars[edge] ?? Number.NaN) - value);
  }

  keepMean(mean: number): void {
    this.scalars[OPEN + SLICE_MEAN] = mean;
  }

  /** Makes `slice` the present one; the past is reckoned anew when it is another (true). `perDay` slices make a day. */
  open(slice: number, perDay: number): boolean {
    const current = this.#at(CURRENT);
    if (slice === current) return false;
    if (current >= 0) {
      for (let column = 0; column < COLUMNS; column++) {
        this.rows[column * SLICES + (current % SLICES)] = this.#at(OPEN + column);
      }
      for (let gone = Math.max(current + 1, slice - SLICES + 1); gone <= slice; gone++) {
        for (let column = 0; column < COLUMNS; column++) this.rows[column * SLICES + (gone % SLICES)] = Number.NaN;
      }
    }
    this.scalars[CURRENT] = slice;
    this.scalars.fill(Number.NaN, OPEN, OPEN + COLUMNS);
    this.#envelopes();
    this.#sumSlow(slice);
    this.#seasons(slice, perDay);
    return true;
  }

  isSound(): boolean {
    const [current = 0, known = 0] = this.scalars;
    return Number.isInteger(current) && current >= -1 && current <= MAX_SLICE && known >= 0;
  }

  #at(place: number): number {
    return this.scalars[place] ?? Number.NaN;
  }

  #column(column: number): Float32Array {
    return this.rows.subarray(column * SLICES, (column + 1) * SLICES);
  }

  #envelopes(): void {
    const now = this.#at(CURRENT);
    const guarded = Array.from({ length: Math.min(now, SEASON_GUARD) }, (_, i) => (now - 1 - i) % SLICES);
    for (let place = 0; place < COUNT; place++) {
      for (const side of [0, 1] as const) {
        const column = 2 * place + side;
        envelope.take(this.#column(column), place === SEASON ? guarded : []);
        const isYoung = place === SLOW && envelope.known < SLOW_WARM;
        this.scalars[EDGES + column] = isYoung ? Number.NaN : side === 0 ? envelope.low() : envelope.high();
        if (column === 0) this.scalars[KNOWN] = envelope.known;
      }
      this.scalars[WIDTHS + place] = this.high(place) - this.low(place) || 0;
    }
  }

  #sumSlow(slice: number): void {
    const means = this.#column(SLICE_MEAN);
    let [sum, count] = [0, 0];
    for (let back = 1; back < SLOW_SLICES && back <= slice; back++) {
      const mean = means[(slice - back) % SLICES] ?? Number.NaN;
      if (Number.isNaN(mean)) continue;
      sum += mean;
      count++;
    }
    this.scalars[SLOW_SUM] = sum;
    this.scalars[SLOW_COUNT] = count;
  }

  /** The same time of the days before, an hour earlier and later included: a backup is not always on the minute. */
  #seasons(slice: number, perDay: number): void {
    const { rows } = this;
    let days = 0;
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let back = perDay; perDay >= SEASON_SLOTS && back < SLICES - 1; back += perDay) {
      let seen = false;
      for (let near = Math.max(0, slice - back - 1); near <= slice - back + 1; near++) {
        const row = near % SLICES;
        const lowest = rows[row] ?? Number.NaN;
        if (Number.isNaN(lowest)) continue;
        seen = true;
        this.#allow(row);
        low = Math.min(low, lowest);
        high = Math.max(high, rows[SLICES + row] ?? Number.NaN);
      }
      if (seen) days++;
    }
    this.scalars[DAYS] = days;
    this.scalars[SEASON_LOW] = days === 0 ? Number.NaN : low;
    this.scalars[SEASON_HIGH] = days === 0 ? Number.NaN : high;
  }

  /** Widens every envelope to what a row has seen. */
  #allow(row: number): void {
    const { rows, scalars } = this;
    for (let column = 0; column < 2 * COUNT; column += 2) {
      if (column === 2 * SEASON) continue;
      const edge = EDGES + column;
      const at = column * SLICES + row;
      const [lowest = Number.NaN, highest = Number.NaN] = [rows[at], rows[at + SLICES]];
      if (lowest < (scalars[edge] ?? Number.NaN)) scalars[edge] = lowest;
      if (highest > (scalars[edge + 1] ?? Number.NaN)) scalars[edge + 1] = highest;
    }
  }
}

/** Shared: it holds nothing between two columns. */
const envelope = new Envelope(SLICES);
