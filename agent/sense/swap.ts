import { readMeminfo } from './memory.ts';
import type { ProcFiles } from './proc-files.ts';
import { percent, type Reading, type Sense } from './sense.ts';

/** Swap in use. A host without swap has no such metric: 0 % of nothing would look like health. */
export class SwapSense implements Sense {
  readonly name = 'swap';
  readonly #proc: ProcFiles;

  constructor(proc: ProcFiles) {
    this.#proc = proc;
  }

  sample(): Reading[] {
    const info = readMeminfo(this.#proc);
    const total = info.get('SwapTotal') ?? 0;
    if (total === 0) return [];
    const used = total - (info.get('SwapFree') ?? Number.NaN);
    return [{ name: 'swap.used_percent', unit: '%', scale: 0.01, value: percent(used, total) }];
  }
}
