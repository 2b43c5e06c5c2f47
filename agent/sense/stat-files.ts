import type { ProcFiles } from './proc-files.ts';

/** Files that are kept open: a host of ordinary size; beyond it the rest is opened at each sample. */
const MAX_KEPT = 512;

/**
 * /proc/PID/stat of many processes, kept open between samples: reading again costs a third of opening anew. An open
 * file is bound to its process, so a number that was given to another reads as gone, and is then opened anew.
 */
export class StatFiles {
  readonly #proc: ProcFiles;
  #kept = new Map<string, number>();

  constructor(proc: ProcFiles) {
    this.#proc = proc;
  }

  /** The line of a process; null when there is none of that number. */
  read(pid: string): string | null {
    const kept = this.#kept.get(pid);
    if (kept !== undefined) {
      const line = this.#proc.again(kept);
      if (line !== null) return line;
      this.#proc.shut(kept);
      this.#kept.delete(pid);
    }
    if (this.#kept.size >= MAX_KEPT || !this.#proc.isLive) return this.#once(pid);
    const fd = this.#proc.open(`${pid}/stat`);
    if (fd === null) return null;
    const line = this.#proc.again(fd);
    if (line === null) this.#proc.shut(fd);
    else this.#kept.set(pid, fd);
    return line;
  }

  /** Closes the file of a process that is gone. */
  forget(pid: string): void {
    const fd = this.#kept.get(pid);
    if (fd === undefined) return;
    this.#proc.shut(fd);
    this.#kept.delete(pid);
  }

  close(): void {
    for (const fd of this.#kept.values()) this.#proc.shut(fd);
    this.#kept.clear();
  }

  #once(pid: string): string | null {
    try {
      return this.#proc.head(`${pid}/stat`);
    } catch {
      return null; // it ended since the folder was listed
    }
  }
}
