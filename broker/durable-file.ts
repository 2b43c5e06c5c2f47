import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Replaces a file so that after a crash or a power cut it holds either the old content or the new, whole: written
 * beside it, flushed, renamed, and the folder's entry flushed too.
 */
export function writeDurably(file: string, content: string | Uint8Array, mode = 0o640): void {
  const draft = `${file}.${process.pid}.new`;
  const fd = openSync(draft, 'w', mode);
  try {
    writeFileSync(fd, content);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(draft, file);
  syncFolder(dirname(file));
}

/** Makes the creation, removal or renaming of a folder's entries durable. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
