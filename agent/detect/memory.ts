import { Extremes } from './envelope.ts';
import { SEASON_DAYS, SEASON_SLOTS, SLICES } from './settings.ts';

/** The five things that are held against the past. */
export const STATISTICS = ['level', 'mean', 'spread', 'season', 'slow'] as const;
export type Statistic = (typeof STATISTICS)[number];
const COUNT = STATISTICS.length;
const SEASON = STATISTICS.indexOf('season');
const SLOW = STATISTICS.indexOf('slow');

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Columns of a slice: lowest and highest of each statistic, then the mean of the slice itself. */
const MEAN = 2 * COUNT;
const COLUMNS = MEAN + 1;

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
  readonly rows = new Float32Array(SLICES * COLUMNS);
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

  range(statistic: Statistic): Range {
    const place = STATISTICS.indexOf(statistic);
    return { low: this.low(place), high: this.high(place) };
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

  keep(place: number, value: number): void {
    const low = OPEN + 2 * place;
    const open = this.scalars;
    if (!(value >= this.#at(low))) open[low] = value;
    if (!(value <= this.#at(low + 1))) open[low + 1] = value;
  }

  keepMean(mean: number): void {
    this.scalars[OPEN + MEAN] = mean;
  }

  /** Makes `slice` the present one; the past is reckoned anew when it is another (true). `perDay` slices make a day. */
  open(slice: number, perDay: number): boolean {
    const current = this.#at(CURRENT);
    if (slice === current) return false;
    if (current >= 0) {
      this.rows.set(this.scalars.subarray(OPEN, OPEN + COLUMNS), (current % SLICES) * COLUMNS);
      for (let gone = Math.max(current + 1, slice - SLICES + 1); gone <= slice; gone++) {
        const row = (gone % SLICES) * COLUMNS;
        this.rows.fill(Number.NaN, row, row + COLUMNS);
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

  #row(slice: number, column: number): number {
    return slice < 0 ? Number.NaN : (this.rows[(slice % SLICES) * COLUMNS + column] ?? Number.NaN);
  }

  #envelopes(): void {
    const now = this.#at(CURRENT);
    for (let column = 0; column < 2 * COUNT; column++) {
      const place = column >> 1;
      const newest = now - (place === SEASON ? SEASON_GUARD : 0);
      extremes.start(column % 2 === 0 ? -1 : 1);
      for (let slice = Math.max(0, now - SLICES + 1); slice < newest; slice++) extremes.add(this.#row(slice, column));
      this.scalars[EDGES + column] = place === SLOW && extremes.count < SLOW_WARM ? Number.NaN : extremes.edge();
      if (column === 0) this.scalars[KNOWN] = extremes.count;
    }
    for (let place = 0; place < COUNT; place++) {
      this.scalars[WIDTHS + place] = this.high(place) - this.low(place) || 0;
    }
  }

  #sumSlow(slice: number): void {
    let [sum, count] = [0, 0];
    for (let back = 1; back < SLOW_SLICES; back++) {
      const mean = this.#row(slice - back, MEAN);
      if (Number.isNaN(mean)) continue;
      sum += mean;
      count++;
    }
    this.scalars[SLOW_SUM] = sum;
    this.scalars[SLOW_COUNT] = count;
  }

  /** The same time of the days before, an hour earlier and later included: a backup is not always on the minute. */
  #seasons(slice: number, perDay: number): void {
    this.scalars[DAYS] = 0;
    this.scalars[SEASON_LOW] = Number.NaN;
    this.scalars[SEASON_HIGH] = Number.NaN;
    if (perDay < SEASON_SLOTS) return;
    for (let back = perDay; back < SLICES - 1; back += perDay) {
      let seen = false;
      for (let near = slice - back - 1; near <= slice - back + 1; near++) {
        if (Number.isNaN(this.#row(near, 0))) continue;
        seen = true;
        for (let place = 0; place < COUNT; place++) this.#allow(near, place);
        this.scalars[SEASON_LOW] = lesser(this.#at(SEASON_LOW), this.#row(near, 0));
        this.scalars[SEASON_HIGH] = -lesser(-this.#at(SEASON_HIGH), -this.#row(near, 1));
      }
      if (seen) this.scalars[DAYS] = this.#at(DAYS) + 1;
    }
  }

  #allow(slice: number, place: number): void {
    if (place === SEASON || Number.isNaN(this.low(place))) return;
    const column = 2 * place;
    this.scalars[EDGES + column] = lesser(this.#at(EDGES + column), this.#row(slice, column));
    this.scalars[EDGES + column + 1] = -lesser(-this.#at(EDGES + column + 1), -this.#row(slice, column + 1));
  }
}

/** Shared: it holds nothing between two columns. */
const extremes = new Extremes();

/** The lesser of two, where NaN is unknown. */
const lesser = (a: number, b: number): number => (a < b || Number.isNaN(b) ? a : b);
