import type { Reader } from './reader.ts';
import { namedList } from './section.ts';

/** A folder with a quota that no filesystem enforces. */
export interface WatchedFolder {
  readonly name: string;
  readonly path: string;
  readonly quotaMib: number;
}

/** Each is one metric, and a walk: a message carries 512 metrics. */
export const MAX_FOLDERS = 32;

export const foldersSection = namedList({ name: 'folders', max: MAX_FOLDERS, read: readFolder });

function readFolder(reader: Reader, node: unknown): WatchedFolder {
  const folder = reader.map(node, 'a folder', ['name', 'path', 'quota_mib']);
  const path = reader.path(folder, 'path') ?? reader.fail(folder, 'has no path', 'give `path: /absolute/folder`');
  const quotaMib =
    reader.positive(folder, 'quota_mib') ?? reader.fail(folder, 'has no quota_mib', 'give `quota_mib: 512`');
  return { name: reader.name(folder), path, quotaMib };
}
