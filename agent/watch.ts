import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MAX_BYTES, parseDropIn } from './drop-in/drop-in.ts';
import type { WatchedFolder } from './drop-in/folders.ts';
import type { WatchedGroup } from './drop-in/groups.ts';
import { type DropIn, eachSection, NOTHING } from './drop-in/sections.ts';
import { WatchError } from './drop-in/watch-error.ts';

/** More files than this in a drop-in folder is a mistake, and each costs a system call at every sample. */
const MAX_FILES = 64;

interface Known {
  /** Inode, size and times: what a rewritten file can't keep. */
  readonly stamp: string;
  readonly good: DropIn;
  readonly error: WatchError | null;
}

/**
 * What a site declared, from `DIR/*.yaml`. `refresh` is cheap and called at every sample. A broken file
 * is reported and skipped; what it last said that was good still holds, so that a slip of the pen blinds nobody.
 */
export class Watch {
  readonly #dir: string;
  #files = new Map<string, Known>();
  #declared: DropIn = NOTHING;
  #conflicts: readonly WatchError[] = [];

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** What all good files say together, by section. */
  declared(): DropIn {
    return this.#declared;
  }

  groups(): readonly WatchedGroup[] {
    return this.#declared.groups;
  }

  folders(): readonly WatchedFolder[] {
    return this.#declared.folders;
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

  #merge(): void {
    const conflicts: WatchError[] = [];
    const files = [...this.#files].map(([name, { good }]) => ({ file: join(this.#dir, name), good }));
    this.#declared = eachSection(({ join: joined }, pick) =>
      joined(
        files.map(({ file, good }) => ({ file, value: pick(good) })),
        (conflict) => conflicts.push(conflict),
      ),
    );
    this.#conflicts = conflicts;
  }
}

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
    const buffer = Buffer.allocUnsafe(MAX_BYTES + 1);
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
