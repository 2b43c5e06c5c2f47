/** Words of the hub that are held against this host's clock. */
const KEPT = 8;
/** A clock of quartz is wrong by a tenth of a second an hour at worst: an older word says nothing better. */
const KEEP_MS = 3_600_000;

/** Holds this host's clock against the time in the hub's signed acks: the one witness that needs no time service. */
export class HubClock {
  readonly #wall: () => number;
  readonly #monotonic: () => number;
  #heard: { readonly hub: number; readonly at: number }[] = [];

  constructor(wall: () => number, monotonic: () => number) {
    this.#wall = wall;
    this.#monotonic = monotonic;
  }

  /** `hub` is the time in an ack whose signature was checked, in milliseconds since the epoch. */
  hear(hub: number): void {
    this.#heard.push({ hub, at: this.#monotonic() });
    if (this.#heard.length > KEPT) this.#heard.shift();
  }

  /**
   * Seconds that this clock is ahead of the hub's; null when nothing was heard for an hour. An ack that was late makes
   * the hub's clock seem slow, and never fast: the least of the last few is nearest to the truth.
   */
  ahead(): number | null {
    const now = this.#monotonic();
    this.#heard = this.#heard.filter(({ at }) => now - at < KEEP_MS);
    if (this.#heard.length === 0) return null;
    const wall = this.#wall();
    return Math.min(...this.#heard.map(({ hub, at }) => wall - (hub + now - at))) / 1_000;
  }
}
