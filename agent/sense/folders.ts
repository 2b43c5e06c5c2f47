import type { WatchedFolder } from '../drop-in/folders.ts';
import { type FolderUse, walkFolder } from './folder-walk.ts';
import { labelled, type Reading, type Sense } from './sense.ts';

const MIB = 1_048_576;
/** A walk may use this share of the time: a large folder is then looked at less often, not at a higher price. */
const SHARE = 0.02;

interface Seen {
  readonly use: FolderUse;
  readonly again: number;
}

/** What the watched folders hold, from a bounded walk of each. */
export class FoldersSense implements Sense {
  readonly name = 'folders';
  readonly #declared: () => readonly WatchedFolder[];
  readonly #clock: () => number;
  #seen = new Map<string, Seen>();

  /** `clock` gives monotonic milliseconds: it measures what a walk costs. */
  constructor(declared: () => readonly WatchedFolder[], clock: () => number) {
    this.#declared = declared;
    this.#clock = clock;
  }

  async sample(now: number): Promise<Reading[]> {
    const seen = new Map<string, Seen>();
    const readings: Reading[] = [];
    for (const { name, path, quotaMib, maxEntries } of this.#declared()) {
      const before = this.#seen.get(path);
      const current = before !== undefined && now < before.again ? before : await this.#walk(path, now);
      if (current !== null) seen.set(path, current);
      readings.push({
        name: labelled('folder.used_mib', name),
        unit: 'MiB',
        scale: 0.1,
        value: current === null ? null : current.use.used / MIB,
        ...(quotaMib === undefined ? {} : { limit: quotaMib }),
      });
      if (maxEntries === undefined) continue;
      const entries = current?.use.entries ?? null;
      readings.push({ name: labelled('folder.entries', name), unit: '', scale: 1, value: entries, limit: maxEntries });
    }
    this.#seen = seen;
    return readings;
  }

  async #walk(path: string, now: number): Promise<Seen | null> {
    const began = this.#clock();
    try {
      const use = await walkFolder(path);
      return { use, again: now + (this.#clock() - began) / SHARE };
    } catch {
      return null; // it is not there, or closed to us: a gap
    }
  }
}
