import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { resolve as absolute, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** LMDB maps its file into memory, so a damaged one ends the process by a signal: what can be seen before is looked for here. */

/** The data file's two meta pages (struct MDB_meta of LMDB 0.9 with data version 2, behind a page header of 24 bytes). */
const META = { magic: 0x18, version: 0x1c, pageSize: 0x30, lastPage: 0x90, transaction: 0x98 } as const;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
/** The smallest page that LMDB has: the second meta page is not before it, and the first says where. */
const SMALLEST_PAGE = 512;
const LARGEST_PAGE = 65_536;

/** How long it is looked for damage: a start after a crash is not held up longer, and the oldest samples are read last. */
export const LOOK_MS = 3_000;
/** How the process that looks ends when it has found something; any other way says nothing of the file. */
export const DAMAGED = 3;
/** The longest sentence of the process that looks. */
const MAX_SAID = 300;

/** True where the file is there and holds nothing: it was emptied, or LMDB was killed while it made it. */
export function isEmpty(folder: string): boolean {
  return statSync(join(folder, 'data.mdb'), { throwIfNoEntry: false })?.size === 0;
}

/**
 * What is wrong with the file as a whole: cut, or no LMDB file at its head. Null when nothing is, and when there is no
 * file yet, or an empty one. Reads a few hundred bytes.
 */
export function headDamage(folder: string): string | null {
  let file: number;
  try {
    file = openSync(join(folder, 'data.mdb'), 'r');
  } catch {
    return null;
  }
  try {
    if (fstatSync(file).size === 0) return null;
    const at = (offset: number): Buffer => {
      const bytes = Buffer.alloc(META.transaction + 8);
      readSync(file, bytes, 0, bytes.length, offset);
      return bytes;
    };
    const first = at(0);
    const pageSize = first.readUInt32LE(META.pageSize);
    if (!isMeta(first) || pageSize < SMALLEST_PAGE || pageSize > LARGEST_PAGE) {
      return 'its head is none of LMDB';
    }
    const second = at(pageSize);
    if (!isMeta(second)) return 'its second head is none of LMDB';
    const newest = second.readBigUInt64LE(META.transaction) > first.readBigUInt64LE(META.transaction) ? second : first;
    const pages = newest.readBigUInt64LE(META.lastPage) + 1n;
    // Looked at behind the heads: a commit meanwhile only makes it longer.
    const { size } = fstatSync(file);
    return BigInt(size) < pages * BigInt(pageSize) ? `it was cut: ${size} bytes of ${pages * BigInt(pageSize)}` : null;
  } finally {
    closeSync(file);
  }
}

const isMeta = (page: Buffer): boolean =>
  page.readUInt32LE(META.magic) === MAGIC && page.readUInt32LE(META.version) === VERSION;

/** How a process ends by a page that is not what it should be. */
const BY_DAMAGE: ReadonlySet<string> = new Set(['SIGSEGV', 'SIGBUS', 'SIGABRT']);

/**
 * Lets another process read through the store, for as long as `lookMs`; answers what is wrong with it, or null when
 * nothing was found, or the process was ended by somebody. It takes the time of reading everything: for starts after a
 * crash.
 */
export function pageDamage(folder: string, lookMs = LOOK_MS): Promise<string | null> {
  const program = fileURLToPath(new URL('./read-through.js', import.meta.url));
  // A group of its own: what a terminal sends to the hub's is not for it.
  const child = spawn(process.execPath, [program, absolute(folder)], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: {},
    cwd: '/',
    detached: true,
  });
  return new Promise((resolve) => {
    let said = '';
    // On a disk that hangs its end may not come, and the start has waited long enough.
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      resolve(null);
    }, lookMs);
    child.stdin.on('error', () => {});
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said = (said + chunk).slice(0, MAX_SAID);
    });
    // A process that can't be started says nothing about the file.
    child.on('error', () => resolve(null));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (signal !== null) resolve(BY_DAMAGE.has(signal) ? `reading it ends a process by ${signal}` : null);
      else resolve(code === DAMAGED ? said.trim() : null);
    });
  });
}
