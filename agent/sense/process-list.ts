import type { ProcFiles } from './proc-files.ts';

/** Whatever the kernel says, the folder is listed anew after so many samples: in a container /proc/loadavg may be another's. */
const TRUSTED = 4;

/**
 * The numbers of all processes. Where no task was made or has ended since the last sample they are the same: /proc/loadavg
 * tells how many tasks there are and which number was given last, at a tenth of what listing the folder costs.
 */
export class ProcessList {
  readonly #proc: ProcFiles;
  #numbers: readonly string[] = [];
  #marks = '';
  #trusted = 0;
  /** Tasks, threads included, when it was read last; NaN where the kernel does not say. */
  tasks = Number.NaN;

  constructor(proc: ProcFiles) {
    this.#proc = proc;
  }

  /** Throws Node's own error where the folder can't be listed. */
  read(): readonly string[] {
    // Before the folder: what begins in between is seen by the next sample.
    const marks = this.#readMarks();
    if (marks === '' || marks !== this.#marks || ++this.#trusted >= TRUSTED) {
      this.#numbers = this.#proc.list('.').filter(isNumber);
      // In a recorded tree processes come and go without a mark.
      this.#marks = this.#proc.isLive ? marks : '';
      this.#trusted = 0;
    }
    return this.#numbers;
  }

  /** One that was listed is gone: the next sample lists anew. */
  miss(): void {
    this.#marks = '';
  }

  /** `0.20 0.18 0.12 1/80 11206`: running tasks of all tasks, and the number that was given last. */
  #readMarks(): string {
    this.tasks = Number.NaN;
    try {
      const text = this.#proc.head('loadavg');
      const at = text.indexOf('/') + 1;
      const end = text.indexOf(' ', at);
      if (at === 0 || end <= at) return '';
      this.tasks = Number(text.slice(at, end));
      return text.slice(at);
    } catch {
      return '';
    }
  }
}

const isNumber = (name: string): boolean => {
  const first = name.charCodeAt(0);
  return first >= 49 && first <= 57;
};
