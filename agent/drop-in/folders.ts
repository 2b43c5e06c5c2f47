import { MAX_ENTRIES } from '../sense/folder-walk.ts';
import type { Reader } from './reader.ts';
import { namedList } from './section.ts';

/** A folder with a quota that no filesystem enforces: of space, of entries, or of both. */
export interface WatchedFolder {
  readonly name: string;
  readonly path: string;
  readonly quotaMib?: number;
  /** Files and folders in it: beyond some thousands each look at it is slow, and inodes run out. */
  readonly maxEntries?: number;
}

/** Each is one metric, and a walk: a message carries 512 metrics. */
export const MAX_FOLDERS = 32;

export const foldersSection = namedList({ name: 'folders', max: MAX_FOLDERS, read: readFolder });

function readFolder(reader: Reader, node: unknown): WatchedFolder {
  const folder = reader.map(node, 'a folder', ['name', 'path', 'quota_mib', 'max_entries']);
  const path = reader.path(folder, 'path') ?? reader.fail(folder, 'has no path', 'give `path: /absolute/folder`');
  const quotaMib = reader.positive(folder, 'quota_mib');
  const maxEntries = reader.positive(folder, 'max_entries');
  if (quotaMib === undefined && maxEntries === undefined) {
    reader.fail(folder, 'has no quota_mib and no max_entries', 'give `quota_mib: 512` or `max_entries: 5000`');
  }
  if (maxEntries !== undefined && maxEntries > MAX_ENTRIES) {
    reader.fail(folder, `max_entries is over ${MAX_ENTRIES}`, 'no walk counts further: give less');
  }
  return {
    name: reader.name(folder),
    path,
    ...(quotaMib === undefined ? {} : { quotaMib }),
    ...(maxEntries === undefined ? {} : { maxEntries }),
  };
}
