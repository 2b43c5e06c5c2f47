import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  type DropIn,
  parseDropIn,
  WATCH_LIMITS,
  WatchError,
  type WatchedFolder,
  type WatchedGroup,
} from './sense/drop-in.ts';

/** More files than this in a drop-in folder is a mistake, and each costs a system call at every sample. */
const MAX_FILES = 64;

interface Known {
  /** Inode, size and times: what a rewritten file can't keep. */
  readonly stamp: string;
  readonly good: DropIn;
  readonly error: WatchError | null;
}

/**
 * The workloads that a site declared, from `DIR/*.yaml`. `refresh` is cheap and called at every sample. A broken file
 * is reported and skipped; what it last said that was good still holds, so that a slip of the pen blinds nobody.
 */
export class Watch {
  readonly #dir: string;
  #files = new Map<string, Known>();
  #groups: readonly WatchedGroup[] = [];
  #folders: readonly WatchedFolder[] = [];
  #conflicts: readonly WatchError[] = [];

  constructor(dir: string) {
    this.#dir = dir;
  }

  groups(): readonly WatchedGroup[] {
    return this.#groups;
  }

  folders(): readonly WatchedFolder[] {
    return this.#folders;
  }

  /** What is wrong now, a broken file each; empty when all is well. */
  errors(): readonly WatchError[] {
    const broken = [...this.#files.values()].flatMap(({ error }) => (error === null ? [] : [error]));
    return [...broken, ...this.#conflicts];
  }

  /** Reads what changed; true when anything did. Never throws. */
  refresh(): boolean {
    const names = this.#names();
    const files = new Map<string, Known>();
    let changed = names.length !== this.#files.size;
    for (const name of names) {
      const path = join(this.#dir, name);
      const before = this.#files.get(name);
      const stamp = stampOf(path);
      if (stamp === null) {
        changed ||= before !== undefined;
        continue;
      }
      if (before?.stamp === stamp) {
        files.set(name, before);
        continue;
      }
      changed = true;
      files.set(name, read(path, stamp, before?.good));
    }
    this.#files = files;
    if (changed) this.#merge();
    return changed;
  }

  #names(): string[] {
    try {
      return readdirSync(this.#dir)
        .filter((name) => name.endsWith('.yaml') && !name.startsWith('.'))
        .sort()
        .slice(0, MAX_FILES);
    } catch {
      return []; // no folder: nothing is declared
    }
  }

  /** A name is a metric's label, so only its first holder, by file name, has it. */
  #merge(): void {
    const conflicts: WatchError[] = [];
    const groups = new Map<string, WatchedGroup>();
    const folders = new Map<string, WatchedFolder>();
    const add = <T extends { readonly name: string }>(to: Map<string, T>, item: T, file: string, max: number): void => {
      const path = join(this.#dir, file);
      if (to.has(item.name)) {
        conflicts.push(
          new WatchError('E_WATCH_FIELD', path, 1, `the name ${item.name} is taken`, 'choose another name'),
        );
      } else if (to.size >= max) {
        conflicts.push(
          new WatchError('E_WATCH_LIMIT', path, 1, `${item.name} is over the limit of ${max}`, 'remove some'),
        );
      } else {
        to.set(item.name, item);
      }
    };
    for (const [file, { good }] of this.#files) {
      for (const group of good.groups) add(groups, group, file, WATCH_LIMITS.groups);
      for (const folder of good.folders) add(folders, folder, file, WATCH_LIMITS.folders);
    }
    this.#groups = [...groups.values()];
    this.#folders = [...folders.values()];
    this.#conflicts = conflicts;
  }
}

const NOTHING: DropIn = { groups: [], folders: [] };

function read(path: string, stamp: string, last: DropIn = NOTHING): Known {
  try {
    return { stamp, good: parseDropIn(path, readBounded(path)), error: null };
  } catch (thrown) {
    const error =
      thrown instanceof WatchError
        ? thrown
        : new WatchError('E_WATCH_READ', path, 1, `can't be read (${codeOf(thrown)})`, 'make it a readable file');
    return { stamp, good: last, error };
  }
}

/** A named pipe would never answer and a device never end: only regular files are opened for reading, and one byte too many is enough. */
function readBounded(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) throw new WatchError('E_WATCH_READ', path, 1, 'is no regular file', 'write a file');
    const buffer = Buffer.allocUnsafe(WATCH_LIMITS.bytes + 1);
    let size = 0;
    while (size < buffer.length) {
      const n = readSync(fd, buffer, size, buffer.length - size, null);
      if (n === 0) break;
      size += n;
    }
    return buffer.toString('utf8', 0, size);
  } finally {
    closeSync(fd);
  }
}

function stampOf(path: string): string | null {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(path);
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch {
    return null;
  }
}

const codeOf = (thrown: unknown): string =>
  thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
