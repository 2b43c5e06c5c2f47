/** Milliseconds in each. */
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** When summer time ends in Berlin in 2026: 2026-10-25 01:00 UTC. */
export const SUMMER_ENDS = Date.UTC(2026, 9, 25, 1);

/** The time that passes, and what clocks say of it: they may be set. */
export class SimClock {
  /** Milliseconds since the epoch; only grows. */
  true: number;
  /** By how much the hub's clock is ahead. */
  hubAhead = 0;

  constructor(start: number) {
    this.true = start;
  }

  readonly hub = (): number => this.true + this.hubAhead;
  readonly steady = (): number => this.true;
}

/** The hour of the day in Berlin, with its fraction: what people and their timers live by. */
export const localHour = (at: number): number =>
  ((((at + (at < SUMMER_ENDS ? 2 : 1) * HOUR) % DAY) + DAY) % DAY) / HOUR;
