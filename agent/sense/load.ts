import type { ProcFiles } from './proc-files.ts';
import type { Reading, Sense } from './sense.ts';

/** Load averages, and the shortest one per core, which is what a limit can be set on for every host. */
export class LoadSense implements Sense {
  readonly name = 'load';
  readonly #proc: ProcFiles;
  readonly #cores: number;

  constructor(proc: ProcFiles, cores: number) {
    this.#proc = proc;
    this.#cores = Math.max(1, cores);
  }

  sample(): Reading[] {
    const [one = Number.NaN, five = Number.NaN, fifteen = Number.NaN] = this.#proc
      .head('loadavg')
      .trim()
      .split(/\s+/)
      .slice(0, 3)
      .map(Number);
    if (![one, five, fifteen].every(Number.isFinite)) throw new Error('/proc/loadavg: no three numbers');
    return [
      { name: 'load.1m', unit: '', scale: 0.01, value: one },
      { name: 'load.5m', unit: '', scale: 0.01, value: five },
      { name: 'load.15m', unit: '', scale: 0.01, value: fifteen },
      { name: 'load.per_core', unit: '', scale: 0.01, value: one / this.#cores },
    ];
  }
}
