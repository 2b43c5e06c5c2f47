import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Replaces a file so that after a crash or a power cut it holds either the old content or the new, whole: written
 * beside it, flushed, renamed, and the folder's entry flushed too.
 */
export function writeDurably(file: string, content: string | Uint8Array, mode = 0o640): void {
  const draft = `${file}.${process.pid}.new`;
  try {
    const fd = openSync(draft, 'w', mode);
    try {
      writeFileSync(fd, content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, file);
  } catch (error) {
    // On a full disk half a draft would keep the room that is missing.
    rmSync(draft, { force: true });
    throw error;
  }
  syncFolder(dirname(file));
}

/** Makes the creation, removal or renaming of a folder's entries durable. */
export const syncFolder = (folder: string): void => flush(folder);

/** Makes durable what others have written into a file. */
export const syncFile = (file: string): void => flush(file);

function flush(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
