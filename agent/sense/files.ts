import { countOpen } from './open-files.ts';
import type { ProcFiles } from './proc-files.ts';
import type { ProcessesSense, ProcessRow } from './processes.ts';
import { percent, type Reading, type Sense } from './sense.ts';

/** Processes whose open files are counted in one sample, whatever runs: a few hundred take their turn within minutes. */
const PER_SAMPLE = 8;
/** No host has memory for so many files: a limit of it is none. */
const NO_LIMIT = 1e12;
/** A process that is allowed fewer is no service: its handful of files would be a large share of nothing. */
const LEAST_LIMIT = 64;

interface Count {
  readonly start: number;
  readonly open: number;
  readonly limit: number;
}

/** A process's open files, of as many as it may have. */
export interface OpenFiles {
  readonly pid: number;
  readonly open: number;
  readonly limit: number;
}

/**
 * Open files: of the host against its own limit, and of the process that is nearest to its own, where they may be read:
 * at the limit a service can't accept connections any more. A part of the processes is counted in each sample, in turn.
 */
export class FilesSense implements Sense {
  readonly name = 'files';
  readonly #proc: ProcFiles;
  readonly #processes: ProcessesSense;
  readonly #counts = new Map<number, Count>();
  #next = 0;

  constructor(proc: ProcFiles, processes: ProcessesSense) {
    this.#proc = proc;
    this.#processes = processes;
  }

  /** The process nearest to its limit, as last counted. */
  nearest(): OpenFiles | null {
    let most: OpenFiles | null = null;
    this.#counts.forEach(({ open, limit }, pid) => {
      if (most === null || open / limit > most.open / most.limit) most = { pid, open, limit };
    });
    return most;
  }

  sample(): Reading[] {
    this.#count(this.#processes.rows());
    const nearest = this.nearest();
    return [
      ...this.#host(),
      {
        name: 'files.process_percent',
        unit: '%',
        scale: 0.1,
        value: nearest === null ? null : percent(nearest.open, nearest.limit),
      },
    ];
  }

  /** allocated, free, most. Where there is no limit worth the name, there is no share of it. */
  #host(): Reading[] {
    const [open = Number.NaN, , most = Number.NaN] = this.#proc.head('sys/fs/file-nr').trim().split(/\s+/).map(Number);
    if (most > NO_LIMIT) return [];
    return [{ name: 'files.used_percent', unit: '%', scale: 0.01, value: percent(open, most) }];
  }

  #count(rows: readonly ProcessRow[]): void {
    this.#counts.forEach(({ start }, pid) => {
      if (this.#processes.find(pid)?.start !== start) this.#counts.delete(pid);
    });
    let counted = 0;
    for (let i = 0; i < rows.length && counted < PER_SAMPLE; i++) {
      this.#next = (this.#next + 1) % rows.length;
      const row = rows[this.#next];
      // Kernel threads and the dead have no memory, and no files.
      if (row === undefined || row.rss === 0) continue;
      counted++;
      const known = this.#counts.get(row.pid);
      const open = countOpen(this.#proc, row.pid, known !== undefined);
      if (open === undefined) continue;
      // A limit hardly ever changes while a process lives; its text is as dear to read as all the rest.
      const limit = known?.limit ?? this.#limit(row.pid);
      if (limit >= LEAST_LIMIT) this.#counts.set(row.pid, { start: row.start, open, limit });
    }
  }

  #limit(pid: number): number {
    try {
      const soft = /^Max open files +(\d{1,15}) /m.exec(this.#proc.head(`${pid}/limits`))?.[1];
      return soft === undefined ? 0 : Number(soft);
    } catch {
      return 0; // it ended, or is not ours to read
    }
  }
}
