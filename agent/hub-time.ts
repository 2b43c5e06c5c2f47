import { CLOCKS_FROM, HUB_AHEAD_MS } from '../broker/clock-bounds.ts';

/**
 * A clock so far behind what the hub has said once has stood still, or was set back. Twice as much as the hub can say ahead
 * of it: who has the hub's key alone makes no clock look wrong.
 */
const WRONG_MS = 2 * HUB_AHEAD_MS;
/** A host whose clock stands still while it is off may have been off for so long. */
const OFF_MS = 366 * 86_400_000;
/** The last millisecond of the calendar that dates are written by. */
const LAST_MS = 8_640_000_000_000_000;

/**
 * The hub's signed time as this host believes it: it never goes back, over restarts too, and it is believed only so far
 * ahead of a witness that is not the hub, since one false word of a far day would let every later approval look lapsed for
 * ever. The witness is this host's own clock; where that is surely wrong (it begins in 1970 at each start, or was set back)
 * it is the first word of this start, and what has passed since.
 */
export class HubTime {
  readonly #wall: () => number;
  readonly #monotonic: () => number;
  #believed: number;
  /** Monotonic milliseconds when a word was believed; null before the first of this start. */
  #heard: number | null = null;
  /** The first fresh word of this start that was believed: the hub does not move it. */
  #first: { readonly hub: number; readonly at: number } | null = null;

  /** `believed` is what is kept on the disk, 0 before the hub was ever heard. */
  constructor(believed: number, wall: () => number, monotonic: () => number) {
    this.#believed = believed;
    this.#wall = wall;
    this.#monotonic = monotonic;
  }

  /** The highest time that was believed; to be kept. */
  get believed(): number {
    return this.#believed;
  }

  /** That, and what has passed in this start since it was heard. */
  get reached(): number {
    return this.#believed + (this.#heard === null ? 0 : this.#monotonic() - this.#heard);
  }

  /** Whether this clock can't be right, whatever the hub says now. */
  isWrong(clock: number): boolean {
    return clock < CLOCKS_FROM || clock < this.reached - WRONG_MS;
  }

  /**
   * Takes the time of a word whose signature was checked; answers why not, or null when it is believed. `fresh`: it was
   * made just now, and is none that a broker keeps for whoever comes; a day-old one is no beginning to count from.
   */
  hear(now: number, fresh: boolean): string | null {
    const clock = this.#wall();
    if (now > this.#latest(clock))
      return `the hub says that it is ${dayOf(now)}, this host's clock ${dayOf(clock)}: which of them is wrong?`;
    this.#heard = this.#monotonic();
    if (fresh) this.#first ??= { hub: now, at: this.#heard };
    this.#believed = Math.max(this.#believed, now);
    return null;
  }

  #latest(clock: number): number {
    if (!this.isWrong(clock)) return clock + HUB_AHEAD_MS;
    if (this.#first !== null) return this.#first.hub + this.#monotonic() - this.#first.at + HUB_AHEAD_MS;
    return this.#believed === 0 ? LAST_MS : this.#believed + OFF_MS;
  }
}

const dayOf = (ms: number): string => (Math.abs(ms) <= LAST_MS ? new Date(ms).toISOString() : 'beyond the calendar');
