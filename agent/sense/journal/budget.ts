/** A second's lines that are looked into; the rest of a flood is counted. 2,000 cost about 4 ms of a core. */
const ORDINARY_PER_S = 2_000;
/** The kernel's and the manager's have room of their own: a flood of a program must not hide them. */
const PRIVILEGED_PER_S = 1_000;

/** How much of a flood is looked into. What is refused is only counted, so that a flood costs little and stores nothing. */
export class Budget {
  readonly #clock: () => number;
  #second = Number.NEGATIVE_INFINITY;
  #ordinary = 0;
  #privileged = 0;

  /** `clock` gives monotonic milliseconds. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** True when one more line of its kind may be looked into in this second. */
  take(privileged: boolean): boolean {
    const now = this.#clock();
    if (now - this.#second >= 1_000) {
      this.#second = now;
      this.#ordinary = 0;
      this.#privileged = 0;
    }
    if (privileged) return ++this.#privileged <= PRIVILEGED_PER_S;
    return ++this.#ordinary <= ORDINARY_PER_S;
  }
}
