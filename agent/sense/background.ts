/** A look that still runs after so many of its periods tells nothing of now. */
const STALE_PERIODS = 3;

/**
 * Something that is looked at off the hot path: begun at a sample, and its answer used by a later one. One look at a
 * time, each with a deadline.
 */
export class Background<T> {
  readonly #everyMs: number;
  readonly #deadlineMs: number;
  readonly #look: (signal: AbortSignal) => Promise<T>;
  #next = Number.NEGATIVE_INFINITY;
  #running: AbortController | null = null;
  #answer: { readonly value: T; readonly at: number } | null = null;
  #stopped = false;
  /** What the last look ended with; null when it went well. */
  error: Error | null = null;
  /** Looks that have ended, well or not. */
  looks = 0;

  /** `look` should end when its signal aborts; its answer is dropped then in any case. */
  constructor(options: {
    readonly everyMs: number;
    readonly deadlineMs: number;
    readonly look: (signal: AbortSignal) => Promise<T>;
  }) {
    this.#everyMs = options.everyMs;
    this.#deadlineMs = options.deadlineMs;
    this.#look = options.look;
  }

  /** Begins a look when one is due, and gives the newest answer; null before the first, and when it is too old. */
  value(now: number): T | null {
    if (now >= this.#next && this.#running === null && !this.#stopped) this.#begin(now);
    const answer = this.#answer;
    if (answer === null || now - answer.at > STALE_PERIODS * this.#everyMs) return null;
    return answer.value;
  }

  /** Makes the next look due at `now` where it would be later. */
  hurry(now: number): void {
    this.#next = Math.min(this.#next, now);
  }

  stop(): void {
    this.#stopped = true;
    this.#running?.abort();
  }

  #begin(now: number): void {
    this.#next = now + this.#everyMs;
    const control = new AbortController();
    this.#running = control;
    const timer = setTimeout(() => control.abort(new Error('it took too long')), this.#deadlineMs);
    timer.unref();
    const aborted = new Promise<never>((_, reject) =>
      control.signal.addEventListener('abort', () => reject(control.signal.reason), { once: true }),
    );
    Promise.race([this.#look(control.signal), aborted])
      .then(
        (value) => {
          this.#answer = { value, at: now };
          this.error = null;
        },
        (error: unknown) => {
          this.error = error instanceof Error ? error : new Error(String(error));
        },
      )
      .finally(() => {
        clearTimeout(timer);
        this.looks++;
        this.#running = null;
      });
  }
}
