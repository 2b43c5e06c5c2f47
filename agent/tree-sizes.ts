import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

/** What a tree holds, folder by folder. Sizes are bytes on the disk. */
export interface TreeSizes {
  /** Everything under a folder of the first DEPTH levels, the largest first; only those that were seen whole. */
  readonly folders: ReadonlyMap<string, number>;
  /** The largest files. */
  readonly files: readonly FileSize[];
  /** Of the files of at least NEW_BYTES, those that were written last. */
  readonly newest: readonly FileSize[];
  readonly used: number;
  readonly entries: number;
  /** False when the bound was reached: sizes are then the least that they can be. */
  readonly whole: boolean;
}

export interface FileSize {
  readonly path: string;
  readonly size: number;
  /** When it was written last, in milliseconds since the epoch. */
  readonly written: number;
}

/** Some 3 us each: a quarter of a second of work, in slices. */
export const TREE_ENTRIES = 80_000;
/** And no longer than this, on a disk that is slow just because it is in trouble: an alert must not wait for it. */
const TREE_MS = 1_500;
/** The loop is given back after so many entries, some 2 ms. */
const SLICE = 500;
/** Folders are told apart down to here below the root: deeper ones count for those above them. */
const DEPTH = 5;
const MAX_DEPTH = 64;
/** Folders, largest first, and files that a look keeps: what a later look is compared with. */
const KEPT_FOLDERS = 512;
const KEPT_FILES = 64;
const NEW_BYTES = 1_048_576;

/**
 * Measures what lies under a folder: follows no link, stays on its filesystem, counts a file of several names once.
 * Throws Node's error when the folder itself can't be read; what is closed to us further down is passed over.
 */
export async function measureTree(root: string, maxEntries = TREE_ENTRIES, maxMs = TREE_MS): Promise<TreeSizes> {
  const end = performance.now() + maxMs;
  const top = lstatSync(root);
  if (!top.isDirectory()) throw Object.assign(new Error(`${root}: not a folder`), { code: 'ENOTDIR' });
  readdirSync(root);
  const folders = new Map<string, number>();
  const files = new Ranking((a, b) => b.size - a.size);
  const newest = new Ranking((a, b) => b.written - a.written);
  const linked = new Set<number>();
  let entries = 0;
  let whole = true;
  let isLate = false;

  const take = (path: string, stat: Stats): number => {
    const size = stat.blocks * 512;
    const isAgain = stat.nlink > 1 && stat.isFile() && linked.has(stat.ino);
    if (isAgain) return 0;
    if (stat.nlink > 1 && stat.isFile()) linked.add(stat.ino);
    if (stat.isFile()) {
      const file = { path, size, written: Math.round(stat.mtimeMs) };
      files.add(file);
      if (size >= NEW_BYTES) newest.add(file);
    }
    return size;
  };

  const walk = async (folder: string, depth: number, own: number): Promise<{ size: number; whole: boolean }> => {
    let size = own;
    let isWhole = true;
    for (const name of namesOf(folder)) {
      if (entries >= maxEntries || isLate) {
        isWhole = false;
        break;
      }
      if (++entries % SLICE === 0) {
        await setImmediate();
        isLate = performance.now() >= end;
      }
      const path = join(folder, name);
      const stat = lstatSync(path, { throwIfNoEntry: false });
      // Only a folder can be where another file system begins; on an overlay a file has another number than its folder.
      if (stat === undefined || (stat.isDirectory() && stat.dev !== top.dev)) continue;
      if (!stat.isDirectory()) {
        size += take(path, stat);
      } else if (depth >= MAX_DEPTH) {
        isWhole = false;
      } else {
        const below = await walk(path, depth + 1, stat.blocks * 512);
        size += below.size;
        isWhole &&= below.whole;
      }
    }
    if (isWhole && depth <= DEPTH) folders.set(folder, size);
    whole &&= isWhole;
    return { size, whole: isWhole };
  };
  const { size: used } = await walk(root, 0, top.blocks * 512);
  const largest = [...folders].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, KEPT_FOLDERS);
  return { folders: new Map(largest), files: files.list(), newest: newest.list(), used, entries, whole };
}

/** The first of many by an order, with a bounded list. */
class Ranking {
  readonly #order: (a: FileSize, b: FileSize) => number;
  #kept: FileSize[] = [];

  constructor(order: (a: FileSize, b: FileSize) => number) {
    this.#order = order;
  }

  add(file: FileSize): void {
    this.#kept.push(file);
    if (this.#kept.length >= 4 * KEPT_FILES) this.#kept = this.list();
  }

  list(): FileSize[] {
    return this.#kept.sort(this.#order).slice(0, KEPT_FILES);
  }
}

function namesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
