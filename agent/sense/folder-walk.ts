import { type Dirent, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

/** What a walk saw. Sizes are bytes on the disk, not lengths: a sparse file fills nothing. */
export interface FolderUse {
  readonly used: number;
  readonly entries: number;
  /** False when the bound was reached: `used` is then the least that it can be. */
  readonly whole: boolean;
}

/** A folder with more entries is not walked to its end: at some 3 us each this is 60 ms of work. */
export const MAX_ENTRIES = 20_000;
/** The loop is given back after so many entries, some 2 ms. */
const SLICE = 500;
const MAX_DEPTH = 64;

/**
 * Adds up a folder: follows no link, stays on its filesystem, counts a file with several names once. Throws Node's
 * error when the folder itself can't be read; what vanishes or is closed to us further down is passed over.
 */
export async function walkFolder(root: string, maxEntries = MAX_ENTRIES): Promise<FolderUse> {
  const top = lstatSync(root);
  if (!top.isDirectory()) throw Object.assign(new Error(`${root}: not a folder`), { code: 'ENOTDIR' });
  let used = top.blocks * 512;
  let entries = 0;
  let whole = true;
  const linked = new Set<number>();
  const open: { path: string; depth: number }[] = [{ path: root, depth: 0 }];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for (const entry of listing(folder.path, folder.depth === 0)) {
      if (entries >= maxEntries) return { used, entries, whole: false };
      if (++entries % SLICE === 0) await setImmediate();
      const path = join(folder.path, entry.name);
      const stat = lstatSync(path, { throwIfNoEntry: false });
      // Only a folder can be where another file system begins; on an overlay a file has another number than its folder.
      if (stat === undefined || (stat.isDirectory() && stat.dev !== top.dev)) continue;
      if (stat.nlink > 1 && stat.isFile()) {
        if (linked.has(stat.ino)) continue;
        linked.add(stat.ino);
      }
      used += stat.blocks * 512;
      if (stat.isDirectory()) {
        if (folder.depth < MAX_DEPTH) open.push({ path, depth: folder.depth + 1 });
        else whole = false;
      }
    }
  }
  return { used, entries, whole };
}

function listing(path: string, mustExist: boolean): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (mustExist) throw error;
    return [];
  }
}
