import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, type Stats } from 'node:fs';

/**
 * The last bytes of a regular file, and what its inode says; null where there is none or it is closed to us. A pipe or a
 * device is never read, and nothing is waited for.
 */
export function readTail(path: string, maxBytes: number): { readonly bytes: Buffer; readonly stat: Stats } | null {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (!stat.isFile()) return null;
    const bytes = Buffer.alloc(Math.min(maxBytes, stat.size));
    const read = readSync(fd, bytes, 0, bytes.length, Math.max(0, stat.size - maxBytes));
    return { bytes: bytes.subarray(0, read), stat };
  } catch {
    return null;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Whole lines of the end of a text file, oldest first: the first of a cut piece is left out. */
export function tailLines(path: string, maxBytes: number): string[] {
  const tail = readTail(path, maxBytes);
  if (tail === null) return [];
  const lines = tail.bytes.toString('utf8').split('\n');
  if (tail.stat.size > maxBytes) lines.shift();
  return lines.filter((line) => line !== '');
}

/** Names in a folder, sorted, at most `max`; none where it can't be read. */
export function namesIn(path: string, max: number): string[] {
  try {
    return readdirSync(path).sort().slice(0, max);
  } catch {
    return [];
  }
}
