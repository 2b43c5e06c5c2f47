import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const MIB = 2 ** 20;
/** Readings in a quarter of a run: in four weeks one every 21 hours, so at another hour of the day each time. */
const PER_QUARTER = 8;
/** V8 gives pages back on threads of its own, after a collection. */
const GIVES_BACK_MS = 20;

/** What may be more in the last quarter than in the second: a share, and so many MiB of chance. */
export const FLAT = { share: 0.1, mib: 12 } as const;

/** MiB in each quarter of a run, at the least. */
export interface MemoryFound {
  /** What V8 holds of objects. */
  readonly heap: readonly number[];
  /** Anonymous memory, and that part of it which is outside of V8's heap: of the store, buffers and WebAssembly. */
  readonly anonymous: readonly number[];
  readonly outside: readonly number[];
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/**
 * Reads this process's memory time and again, and keeps the least of each quarter. What is held is in every reading. What V8
 * has not collected, or has emptied and not given back, is in one by chance: between 70 and 138 MiB of it were seen in five days
 * of one week, in which objects held 35 MiB all the time. So a leak lifts the least, and chance doesn't.
 */
export class MemoryFloors {
  readonly #heap: number[] = [];
  readonly #anonymous: number[] = [];
  readonly #outside: number[] = [];
  #readings = 0;

  /** To be called often; `part` of the run, from 0 to 1, is over. Says whether a quarter has just ended. */
  async look(part: number): Promise<boolean> {
    const due = Math.floor(part * 4 * PER_QUARTER);
    if (due <= this.#readings) return false;
    const quarter = Math.ceil(due / PER_QUARTER) - 1;
    this.#readings = due;
    // At one moment, before a collection: what V8 gives back afterwards leaves the two at different times.
    lower(this.#outside, quarter, anonymousBytes() - process.memoryUsage().heapTotal);
    for (let times = 0; times < 2; times++) {
      collect();
      await sleep(GIVES_BACK_MS);
    }
    lower(this.#heap, quarter, process.memoryUsage().heapUsed);
    lower(this.#anonymous, quarter, anonymousBytes());
    return due % PER_QUARTER === 0;
  }

  found(): MemoryFound {
    return { heap: this.#heap.map(mib), anonymous: this.#anonymous.map(mib), outside: this.#outside.map(mib) };
  }
}

/** Pages of the store that are mapped are the system's to drop, and are none of these. */
const anonymousBytes = (): number =>
  Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1_024;

function lower(all: number[], quarter: number, bytes: number): void {
  all[quarter] = Math.min(all[quarter] ?? Number.POSITIVE_INFINITY, bytes);
}

const mib = (bytes: number): number => Math.round((bytes / MIB) * 10) / 10;

/** What has grown from the second quarter, in which all caches are full, to the last. */
export function grown({ heap, anonymous, outside }: MemoryFound): readonly string[] {
  const kinds = [
    ['the heap', heap],
    ['anonymous memory', anonymous],
    ['anonymous memory outside of the heap', outside],
  ] as const;
  return kinds.flatMap(([what, [, half = 0, , last = Number.POSITIVE_INFINITY]]) =>
    last > half * (1 + FLAT.share) + FLAT.mib ? [`${what} grew from ${half} to ${last} MiB`] : [],
  );
}
