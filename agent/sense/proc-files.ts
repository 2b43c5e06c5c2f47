import { closeSync, openSync, readdirSync, readlinkSync, readSync, readvSync, statSync } from 'node:fs';

/** Nothing that is read whole from /proc is larger on a sane host: mountinfo with thousands of mounts is 300 kB. */
const MAX_FILE = 1_048_576;
/** A single-record file such as /proc/PID/stat; a command line is cut here. */
const ONE_READ = 8_192;
/** Files of the host as a whole that are kept open: there are a dozen, and what a probe asks for once must not add up. */
const MAX_KEPT = 32;
/** Entries of the ELF auxiliary vector that say how the kernel counts. */
const AT_PAGESZ = 6n;
const AT_CLKTCK = 17n;

/**
 * Small files under /proc or /sys, read into one buffer for all: a sample reads hundreds of them. What is of the host and not of a
 * process stays open and is read again from its start, which makes the kernel say it anew and spares two of three calls.
 * The root is a parameter so that recorded trees can be read too. Methods throw Node's own errors.
 */
export class ProcFiles {
  readonly root: string;
  readonly #buffer = Buffer.allocUnsafe(ONE_READ);
  readonly #buffers = [this.#buffer];
  readonly #kept = new Map<string, number>();
  #units: { pageSize: number; ticksPerSecond: number } | undefined;

  constructor(root = '/proc') {
    this.root = root;
  }

  path(name: string): string {
    return `${this.root}/${name}`;
  }

  /** The first 8 KiB of a file in one read: enough for a file of one record, and for the first line of any. */
  head(name: string): string {
    return this.#reading(name, (fd) => this.#first(fd));
  }

  /** Whether this is the kernel's own tree: in a recorded one files are replaced, and none may be kept open. */
  get isLive(): boolean {
    return this.root === '/proc' || this.root === '/sys';
  }

  /** Opens a file to be read again and again with `again`, until `shut`; null where that can't be. */
  open(name: string): number | null {
    try {
      return openSync(`${this.root}/${name}`, 'r');
    } catch {
      return null;
    }
  }

  /** The first 8 KiB of an open file, as they are now; null when what it tells of is gone. */
  again(fd: number): string | null {
    try {
      return this.#first(fd);
    } catch {
      return null;
    }
  }

  shut(fd: number): void {
    closeSync(fd);
  }

  /** A whole file of at most 1 MiB; what is beyond is not read. */
  text(name: string): string {
    return this.#reading(name, (fd) => {
      const parts: Buffer[] = [];
      let [size, used] = [0, 0];
      while (size < MAX_FILE) {
        if (used === ONE_READ) {
          parts.push(Buffer.from(this.#buffer));
          used = 0;
        }
        const n = readSync(fd, this.#buffer, used, ONE_READ - used, size);
        if (n === 0) break;
        used += n;
        size += n;
      }
      if (parts.length === 0) return this.#buffer.toString('utf8', 0, used);
      return Buffer.concat([...parts, this.#buffer.subarray(0, used)]).toString('utf8');
    });
  }

  /** Closes what is kept open; what is read later is opened anew. */
  close(): void {
    for (const fd of this.#kept.values()) closeSync(fd);
    this.#kept.clear();
  }

  /** Names in a folder. */
  list(name: string): string[] {
    return readdirSync(this.path(name));
  }

  /** Target of a link, for instance `PID/exe`; null where it is gone or not ours to read. */
  link(name: string): string | null {
    try {
      return readlinkSync(this.path(name));
    } catch {
      return null;
    }
  }

  /** Owner of a process's folder: its effective user; null when it is gone. */
  owner(pid: number): number | null {
    try {
      return statSync(this.path(String(pid))).uid;
    } catch {
      return null;
    }
  }

  /** `readvSync` has fewer arguments, and Node checks each of them at length: a sample does this a hundred times. */
  #first(fd: number): string {
    return this.#buffer.toString('utf8', 0, readvSync(fd, this.#buffers, 0));
  }

  #reading(name: string, read: (fd: number) => string): string {
    const kept = this.#kept.get(name);
    if (kept !== undefined) {
      try {
        return read(kept);
      } catch {
        // What it told of is gone; of the same name there may be another.
        this.#kept.delete(name);
        closeSync(kept);
      }
    }
    const fd = openSync(`${this.root}/${name}`, 'r');
    let keep = false;
    try {
      const text = read(fd);
      keep = this.isLive && !isOfProcess(name) && this.#kept.size < MAX_KEPT;
      if (keep) this.#kept.set(name, fd);
      return text;
    } finally {
      if (!keep) closeSync(fd);
    }
  }

  /** How this kernel counts: bytes of a page, ticks of a second. A tree without an auxiliary vector has the usual ones. */
  units(): { readonly pageSize: number; readonly ticksPerSecond: number } {
    this.#units ??= this.#readUnits();
    return this.#units;
  }

  #readUnits(): { pageSize: number; ticksPerSecond: number } {
    const units = { pageSize: 4_096, ticksPerSecond: 100 };
    try {
      const fd = openSync(this.path('self/auxv'), 'r');
      try {
        const n = readSync(fd, this.#buffer, 0, ONE_READ, null);
        for (let at = 0; at + 16 <= n; at += 16) {
          const key = this.#buffer.readBigUInt64LE(at);
          const value = Number(this.#buffer.readBigUInt64LE(at + 8));
          if (key === AT_PAGESZ && value >= 4_096 && value <= 1_048_576) units.pageSize = value;
          if (key === AT_CLKTCK && value >= 1 && value <= 1_000_000) units.ticksPerSecond = value;
        }
      } finally {
        closeSync(fd);
      }
    } catch {
      // A recorded tree has none, and the usual values then hold.
    }
    return units;
  }
}

/** `PID/stat` and the like: those come and go, and whoever wants one open keeps it (`open`). */
const isOfProcess = (name: string): boolean => {
  const first = name.charCodeAt(0);
  return first >= 48 && first <= 57;
};
