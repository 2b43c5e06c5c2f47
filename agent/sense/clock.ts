import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Reading, Sense } from './sense.ts';

/** A step is told for a minute, so that no sample misses it. */
const STEP_WINDOW_MS = 60_000;
/** Slewing moves a clock by half a thousandth; a timer that is late moves both clocks alike. What remains is a step. */
const STEP_MS = 500;
/** Nothing that is told in hours is worth more than a look a minute. */
const LOOK_MS = 60_000;
/** Files that a time service touches when it has spoken with its source, and how long after that it is still well. */
const MARKS = [
  'run/systemd/timesync/synchronized',
  'var/lib/chrony/drift',
  'var/lib/chrony/chrony.drift',
  'var/lib/ntp/ntp.drift',
  'var/lib/ntpsec/ntp.drift',
];

/** What the clock can be held against. */
export interface ClockWitness {
  /** Milliseconds since the epoch. */
  readonly wall: () => number;
  /** Seconds that this clock is ahead of the hub's, by its last signed word; null when that is too old to say. */
  readonly aheadOfHub: () => number | null;
  /** Where the host's own files are. */
  readonly root: string;
}

/**
 * Whether the host's clock can be trusted, without asking any service: steps (the wall clock against one that never
 * jumps), the distance to the hub's signed time, and how long ago a time service last marked that it had a source.
 * The kernel's own view (adjtimex) is a system call that has no file, and is left out.
 */
export class ClockSense implements Sense {
  readonly name = 'clock';
  readonly #witness: ClockWitness;
  #last: { readonly wall: number; readonly monotonic: number } | undefined;
  #marked: number | null = null;
  #lookAt = Number.NEGATIVE_INFINITY;
  #steps: { readonly at: number; readonly seconds: number }[] = [];

  constructor(witness: ClockWitness) {
    this.#witness = witness;
  }

  sample(now: number): Reading[] {
    const wall = this.#witness.wall();
    const last = this.#last;
    this.#last = { wall, monotonic: now };
    const jump = last === undefined ? 0 : wall - last.wall - (now - last.monotonic);
    if (Math.abs(jump) >= STEP_MS) this.#steps.push({ at: now, seconds: Math.abs(jump) / 1_000 });
    this.#steps = this.#steps.filter(({ at }) => now - at < STEP_WINDOW_MS).slice(-8);
    const ahead = this.#witness.aheadOfHub();
    if (now >= this.#lookAt) {
      this.#marked = this.#lastMark();
      this.#lookAt = now + LOOK_MS;
    }
    const marked = this.#marked;
    return [
      {
        name: 'clock.step_s',
        unit: 's',
        scale: 0.1,
        learn: false,
        value: Math.max(0, ...this.#steps.map(({ seconds }) => seconds)),
      },
      ...(ahead === null
        ? []
        : [{ name: 'clock.offset_s', unit: 's', scale: 0.1, learn: false, value: Math.abs(ahead) }]),
      ...(marked === null
        ? []
        : [
            {
              name: 'clock.unsynced_h',
              unit: 'h',
              scale: 0.1,
              learn: false,
              value: Math.max(0, wall - marked) / 3_600_000,
            },
          ]),
    ];
  }

  /** When a time service last said that all is well; null where none leaves a mark that may be read. */
  #lastMark(): number | null {
    let newest: number | null = null;
    for (const mark of MARKS) {
      try {
        const found = statSync(join(this.#witness.root, mark), { throwIfNoEntry: false });
        if (found !== undefined) newest = Math.max(newest ?? 0, found.mtimeMs);
      } catch {
        // Its folder is closed to us.
      }
    }
    return newest;
  }
}
