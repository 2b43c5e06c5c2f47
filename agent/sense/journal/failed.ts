import { Background } from '../background.ts';
import { failedUnits } from '../dbus/failed-units.ts';
import { labelled, type Reading } from '../sense.ts';
import { labelOf } from '../trouble-counts.ts';

/** systemd is asked at most so often, and when the journal says that a unit's run went wrong, this soon. */
const EVERY_MS = 60_000;
const SOON_MS = 3_000;
const DEADLINE_MS = 10_000;
/** Samples at zero before the metric of a unit that is well again goes. */
const SAMPLES_AT_ZERO = 6;

/** Which units systemd calls failed: a metric for each, only while there is trouble and a little longer. */
export class FailedUnits {
  readonly #ask: Background<readonly string[]>;
  readonly #ignored: () => readonly string[];
  readonly #zeros = new Map<string, number>();
  #lastAsked = Number.NEGATIVE_INFINITY;
  #wanted = false;

  /** `ignored` units are the site's own business. */
  constructor(ignored: () => readonly string[], ask: typeof failedUnits = failedUnits) {
    this.#ignored = ignored;
    this.#ask = new Background({ everyMs: EVERY_MS, deadlineMs: DEADLINE_MS, look: ask });
  }

  /** What went wrong with the last question; null when it was answered. */
  get error(): Error | null {
    return this.#ask.error;
  }

  /** Questions that were asked and are over. */
  get asked(): number {
    return this.#ask.looks;
  }

  /** The journal has news of a unit: what systemd says of it now decides. */
  hurry(): void {
    this.#wanted = true;
  }

  readings(now: number): Reading[] {
    if (this.#wanted && now - this.#lastAsked >= SOON_MS) {
      this.#wanted = false;
      this.#lastAsked = now;
      this.#ask.hurry(now);
    }
    const failed = this.#ask.value(now);
    if (failed === null) return this.#gap();
    const ignored = new Set(this.#ignored());
    const labels = new Set(failed.filter((unit) => !ignored.has(unit)).map(labelOf));
    for (const label of labels) this.#zeros.set(label, 0);
    const readings: Reading[] = [];
    for (const [label, zeros] of this.#zeros) {
      const value = labels.has(label) ? 1 : 0;
      if (value === 0 && zeros >= SAMPLES_AT_ZERO) {
        this.#zeros.delete(label);
        continue;
      }
      this.#zeros.set(label, value === 1 ? 0 : zeros + 1);
      readings.push(reading(label, value));
    }
    return readings;
  }

  stop(): void {
    this.#ask.stop();
  }

  /** Nobody answers: neither trouble nor health. */
  #gap(): Reading[] {
    return [...this.#zeros.keys()].map((label) => reading(label, null));
  }
}

const reading = (label: string, value: number | null): Reading => ({
  ...{ name: labelled('unit.failed', label), unit: '', scale: 1, value },
  learn: false,
});
