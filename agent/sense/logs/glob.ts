import { lstatSync, opendirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';

/** Files of one glob that are followed, the youngest first. */
export const MAX_FILES = 16;
/** Entries of a folder that are looked at, and folders of one glob: a glob over a spool of a million files stays cheap. */
const MAX_ENTRIES = 4_096;
const MAX_FOLDERS = 64;

/** `*` and `?` within one part of a path; no `**`, no classes: what it names is plain to see. */
export function isGlob(text: string): boolean {
  const parts = text.split('/');
  return (
    text.startsWith('/') &&
    text.length <= 1_024 &&
    !/[\p{Cc}[\]{}]/u.test(text) &&
    parts.slice(1).every((part) => part !== '' && part !== '..' && part !== '.' && !part.includes('**'))
  );
}

/** The regular files that a glob names now, the youngest first; those that can't be seen are not there. Never throws. */
export function expandGlob(glob: string, max = MAX_FILES): string[] {
  const parts = glob.split('/').slice(1);
  let found = ['/'];
  for (const [depth, part] of parts.entries()) {
    const wild = part.includes('*') || part.includes('?');
    const next = found.flatMap((folder) =>
      wild
        ? list(folder)
            .filter((name) => matches(part, name))
            .map((name) => join(folder, name))
        : [join(folder, part)],
    );
    found = next.slice(0, depth === parts.length - 1 ? MAX_ENTRIES : MAX_FOLDERS);
  }
  const files = found.flatMap((path) => {
    const stats = fileStats(path);
    return stats === null ? [] : [{ path, at: stats.mtimeMs }];
  });
  return files
    .sort((a, b) => b.at - a.at)
    .slice(0, max)
    .map(({ path }) => path);
}

/** Whether a name matches `*` and `?`. Only the last star is ever gone back to: at most their lengths' product in steps. */
export function matches(pattern: string, name: string): boolean {
  // A hidden file is named by its dot, as in a shell.
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  let [p, n, star, mark] = [0, 0, -1, 0];
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p++;
      mark = n;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === name[n])) {
      p++;
      n++;
    } else if (star >= 0) {
      p = star + 1;
      n = ++mark;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

function list(folder: string): string[] {
  const names: string[] = [];
  try {
    const open = opendirSync(folder);
    try {
      for (let entry = open.readSync(); entry !== null && names.length < MAX_ENTRIES; entry = open.readSync()) {
        names.push(entry.name);
      }
    } finally {
      open.closeSync();
    }
  } catch {
    // Not there, or closed to us: what was read until then.
  }
  return names;
}

function fileStats(path: string): Stats | null {
  try {
    const entry = lstatSync(path);
    const stats = entry.isSymbolicLink() ? statSync(path) : entry;
    return stats.isFile() ? stats : null;
  } catch {
    return null;
  }
}
