import { labelled, type Reading } from './sense.ts';

/** Subjects that are followed at a time; more are counted together, so that a storm stays a few numbers. */
const MAX_SUBJECTS = 24;
/** What all further subjects are called. */
const OTHERS = 'others';
/** Moments that are remembered for a subject: a count above this says no more. */
const MAX_MOMENTS = 1_000;
/** Samples at zero before a subject's metric goes: three say that it recovered, the others are for a sample that was lost. */
const SAMPLES_AT_ZERO = 6;

interface Subject {
  moments: number[];
  zeros: number;
}

/**
 * How often something happened to whom within a window: a metric for each subject, only while there is trouble and a
 * little longer, so that a quiet host's samples hold nothing of it.
 */
export class TroubleCounts {
  readonly #metric: string;
  readonly #windowMs: number;
  readonly #subjects = new Map<string, Subject>();

  /** `windowMs`: for how long an event counts. */
  constructor(metric: string, windowMs: number) {
    this.#metric = metric;
    this.#windowMs = windowMs;
  }

  /** It happened to `subject` at `now`, in monotonic milliseconds. */
  add(subject: string, now: number): void {
    const known = this.#subjects.has(subject) || this.#subjects.size < MAX_SUBJECTS;
    const name = known ? subject : OTHERS;
    const entry = this.#subjects.get(name) ?? { moments: [], zeros: 0 };
    this.#subjects.set(name, entry);
    entry.zeros = 0;
    entry.moments.push(now);
    if (entry.moments.length > MAX_MOMENTS) entry.moments.shift();
  }

  /** A number for each subject that was in trouble lately. Called once a sample. */
  readings(now: number): Reading[] {
    const readings: Reading[] = [];
    for (const [subject, entry] of this.#subjects) {
      entry.moments = entry.moments.filter((at) => now - at < this.#windowMs);
      if (entry.moments.length === 0 && ++entry.zeros > SAMPLES_AT_ZERO) {
        this.#subjects.delete(subject);
        continue;
      }
      const value = entry.moments.length;
      readings.push({ name: labelled(this.#metric, subject), unit: '', scale: 1, value, learn: false });
    }
    return readings;
  }
}

/** A name as a metric's label: whoever chose it, it can't forge another metric or end the label. */
export const labelOf = (name: string): string => name.replace(/[^A-Za-z0-9_./:@+-]/g, '_').slice(0, 64) || 'unnamed';
