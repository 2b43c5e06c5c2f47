import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import type { ProcFiles } from './proc-files.ts';

/** A process that has files open under a folder. */
export interface Opener {
  readonly pid: number;
  readonly writing: number;
  readonly reading: number;
  /** Bytes of files on the folder's own file system that it has open and that no folder names any more. */
  readonly held: number;
  /** One of the files, one that is written where there is one. */
  readonly example: string;
}

/** Links that one search reads: at some 3 us each this is 60 ms. */
const MAX_LINKS = 20_000;
/** What the kernel puts behind the name that a deleted file had. */
const DELETED = ' (deleted)';
/** `stat` counts blocks of this size, whatever the file system's are. */
const BLOCK = 512;

/**
 * Number of open files of a process; undefined where that is not ours to know. Kernels from 6.2 on tell it as the
 * folder's size, at a quarter of the price of listing it. `isOurs` is true where this process was counted before.
 */
export function countOpen(proc: ProcFiles, pid: number, isOurs = false): number | undefined {
  try {
    const folder = proc.path(`${pid}/fd`);
    const size = proc.isLive ? statSync(folder).size : 0;
    if (size === 0) return readdirSync(folder).length;
    // The folder itself may be seen by all; what is in it only by those who may.
    if (!isOurs) accessSync(folder, constants.R_OK);
    return size;
  } catch {
    return undefined;
  }
}

/** Who has files open under a folder, the most written first. A bounded look, in the order of `pids`. */
export function findOpeners(proc: ProcFiles, pids: readonly number[], folder: string): Opener[] {
  const under = folder === '/' ? '/' : `${folder}/`;
  const device = deviceOf(folder);
  const found: Opener[] = [];
  let links = 0;
  for (const pid of pids) {
    if (links >= MAX_LINKS) break;
    let [writing, reading, held, example] = [0, 0, 0, ''];
    for (const fd of descriptors(proc, pid)) {
      if (++links > MAX_LINKS) break;
      const target = proc.link(`${pid}/fd/${fd}`);
      if (target === null || !target.startsWith(under)) continue;
      if (target.endsWith(DELETED)) held += deletedSize(proc, pid, fd, device);
      if (isWriting(proc, pid, fd)) {
        if (writing === 0) example = target;
        writing++;
      } else {
        if (example === '') example = target;
        reading++;
      }
    }
    if (writing + reading > 0) found.push({ pid, writing, reading, held, example });
  }
  return found.sort((a, b) => b.writing - a.writing || b.reading - a.reading || a.pid - b.pid);
}

function descriptors(proc: ProcFiles, pid: number): string[] {
  try {
    return readdirSync(proc.path(`${pid}/fd`));
  } catch {
    return [];
  }
}

function deviceOf(folder: string): number | null {
  try {
    return statSync(folder).dev;
  } catch {
    return null;
  }
}

/**
 * Zero for a file that is merely named so, and for one that takes space elsewhere: memory that was made as a file
 * (`/memfd:...`), and what is mounted below the folder, are named as if they were in it. Where a file tells of a device
 * that is not its folder's (a btrfs subvolume, an overlay of two file systems) it is not counted either.
 */
function deletedSize(proc: ProcFiles, pid: number, fd: string, device: number | null): number {
  try {
    const { nlink, blocks, dev } = statSync(proc.path(`${pid}/fd/${fd}`));
    return nlink === 0 && dev === device ? blocks * BLOCK : 0;
  } catch {
    return 0;
  }
}

/** The access mode is in the two lowest bits of `flags`, which is octal: 0 reads only. */
function isWriting(proc: ProcFiles, pid: number, fd: string): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(proc.head(`${pid}/fdinfo/${fd}`))?.[1] ?? '0';
    return (Number.parseInt(flags, 8) & 3) !== 0;
  } catch {
    return false;
  }
}
