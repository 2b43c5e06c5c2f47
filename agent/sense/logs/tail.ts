import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { type Infer, int, record, text } from '../../../broker/shape.ts';
import { Lines } from './lines.ts';

/** Read of one file in one look; what a flood wrote beyond it is skipped, and its bytes counted. */
export const MAX_LOOK = 4 * 1_048_576;
const CHUNK = 65_536;
/** Bytes at a file's beginning that tell it from another. */
const HEAD = 64;

/** How far a file was read: kept over restarts. */
export const position = record({
  dev: int(),
  ino: int(),
  at: int(),
  /** Of the first bytes: a deleted file's number is soon given to another. */
  head: text(64),
});
export type Position = Infer<typeof position>;

const buffer = Buffer.allocUnsafe(CHUNK);

/**
 * Follows one log file through rotation: renamed away and made anew, copied and truncated, deleted. Reads only when
 * asked; holds one descriptor and at most one unfinished line. Never throws: a file that is not there, or closed to us,
 * has no lines.
 */
export class Tail {
  readonly path: string;
  readonly #lines = new Lines();
  #fd: number | null = null;
  #dev = 0;
  #ino = 0;
  #at = 0;
  #resume: Position | null;
  /** Where a file begins that is opened now: the first at its end, what comes after it at its start. */
  #fresh: 'end' | 'start';
  /** Bytes that a flood left behind unread. */
  skippedBytes = 0;

  /**
   * With a position it goes on there when the file is still the same one. `fresh` is where to begin otherwise: at the
   * `end` of a file that was there before we looked, at the `start` of one that came later.
   */
  constructor(path: string, resume: Position | null, fresh: 'end' | 'start') {
    this.path = path;
    this.#resume = resume;
    // What we knew has gone while we were away: all that is in the new one is news.
    this.#fresh = resume === null ? fresh : 'start';
  }

  position(): Position | null {
    if (this.#fd === null) return this.#resume;
    try {
      const head = headOf(this.#fd, Math.min(HEAD, this.#at));
      return { dev: this.#dev, ino: this.#ino, at: this.#at, head };
    } catch {
      return null;
    }
  }

  /** Bytes that wait to be read, as far as a look would read. */
  waiting(): number {
    const fd = this.#open();
    return fd === null ? 0 : Math.max(0, Math.min(MAX_LOOK, fstatSync(fd).size - this.#at));
  }

  /** Calls `each` with every line that was written since the look before. */
  look(each: (line: Buffer) => void): void {
    try {
      if (this.#fd === null) this.#catchUp(each);
      const fd = this.#open();
      if (fd === null) return;
      this.#drain(fd, each);
      const now = statSync(this.path, { throwIfNoEntry: false });
      if (now !== undefined && now.dev === this.#dev && now.ino === this.#ino) return;
      // Rotated: what its writer still adds to the old file between our two looks at it is read once more, then not.
      this.#drain(fd, each);
      const rest = this.#lines.take();
      if (rest.length > 0) each(rest);
      if (now === undefined && fstatSync(fd).nlink > 0) return;
      this.close();
      const next = this.#open();
      if (next !== null) this.#drain(next, each);
    } catch {
      this.close();
    }
  }

  close(): void {
    if (this.#fd === null) return;
    this.#resume = null;
    this.#fresh = 'start';
    closeSync(this.#fd);
    this.#fd = null;
    this.#lines.take();
  }

  /** Rotated while we were away: the rest of the old file, under the name that logrotate gives it. */
  #catchUp(each: (line: Buffer) => void): void {
    const resume = this.#resume;
    const old = `${this.path}.1`;
    if (resume === null || openable(old) === null) return;
    const fd = openSync(old, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!isSame(fd, resume)) return;
      this.#at = resume.at;
      this.#drain(fd, each);
      this.#lines.take();
      this.#resume = null;
    } finally {
      closeSync(fd);
    }
  }

  #open(): number | null {
    if (this.#fd !== null) return this.#fd;
    const stats = openable(this.path);
    if (stats === null) return null;
    let fd: number;
    try {
      // O_NONBLOCK: a named pipe that took the file's place would never answer.
      fd = openSync(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch {
      return null;
    }
    const opened = fstatSync(fd);
    if (!opened.isFile() || opened.ino !== stats.ino || opened.dev !== stats.dev) {
      closeSync(fd);
      return null;
    }
    const { dev, ino, size } = opened;
    const resume = this.#resume;
    this.#at = resume !== null && isSame(fd, resume) ? resume.at : this.#fresh === 'end' ? size : 0;
    this.#fd = fd;
    this.#dev = dev;
    this.#ino = ino;
    this.#resume = null;
    this.#fresh = 'start';
    return fd;
  }

  #drain(fd: number, each: (line: Buffer) => void): void {
    const { size } = fstatSync(fd);
    if (size < this.#at) {
      // Truncated: the writer begins again at the start.
      this.#lines.take();
      this.#at = 0;
    }
    const behind = size - this.#at - MAX_LOOK;
    if (behind > 0) {
      this.#lines.skip();
      this.skippedBytes += behind;
      this.#at += behind;
    }
    for (let left = Math.min(MAX_LOOK, size - this.#at); left > 0; ) {
      const n = readSync(fd, buffer, 0, Math.min(CHUNK, left), this.#at);
      if (n === 0) return;
      this.#at += n;
      left -= n;
      this.#lines.feed(buffer.subarray(0, n), each);
    }
  }
}

/** True when an open file is the one that a position is of, and still holds what was read. */
function isSame(fd: number, { dev, ino, at, head }: Position): boolean {
  const stats = fstatSync(fd);
  return stats.dev === dev && stats.ino === ino && stats.size >= at && headOf(fd, Math.min(HEAD, at)) === head;
}

function headOf(fd: number, length: number): string {
  const bytes = Buffer.alloc(length);
  const n = length === 0 ? 0 : readSync(fd, bytes, 0, length, 0);
  return createHash('sha256').update(bytes.subarray(0, n)).digest('hex');
}

/**
 * A regular file, or root's own link to one: a link that a user planted in a folder of logs could lead an agent that
 * runs as root to a file that is no log. Null for all else.
 */
function openable(path: string): Stats | null {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  if (entry === undefined) return null;
  if (!entry.isSymbolicLink()) return entry.isFile() ? entry : null;
  if (entry.uid !== 0) return null;
  const target = statSync(path, { throwIfNoEntry: false });
  return target?.isFile() ? target : null;
}
