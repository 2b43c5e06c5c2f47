import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
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

/**
 * As mkdir -p, each folder's entry flushed too: a file's own flush says nothing of the folders above it. Node 20's own tries
 * for ever where the file system takes no folder, as /proc does.
 */
export function makeFolder(path: string, mode: number): void {
  if (isFolder(path)) return;
  const above = dirname(path);
  if (above !== path) makeFolder(above, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!isFolder(path)) throw error;
  }
  try {
    syncFolder(above);
  } catch (error) {
    // Folders may be made in one that nobody may list, and only who lists it can flush it.
    if (!(error instanceof Error && 'code' in error && error.code === 'EACCES')) throw error;
  }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

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
