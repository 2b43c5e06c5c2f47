import type { ProcFiles } from './proc-files.ts';
import { percent, type Reading, type Sense } from './sense.ts';

/** Bytes by name, of the lines of /proc/meminfo. */
export function readMeminfo(proc: ProcFiles): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const line of proc.text('meminfo').split('\n')) {
    const match = /^(\w+):\s+(\d+) kB$/.exec(line);
    if (match?.[1] !== undefined) found.set(match[1], Number(match[2]) * 1_024);
  }
  return found;
}

/** Memory that programs could not get: what the kernel would not call available. */
export class MemorySense implements Sense {
  readonly name = 'memory';
  readonly #proc: ProcFiles;

  constructor(proc: ProcFiles) {
    this.#proc = proc;
  }

  sample(): Reading[] {
    const info = readMeminfo(this.#proc);
    const total = info.get('MemTotal') ?? Number.NaN;
    const available = info.get('MemAvailable') ?? Number.NaN;
    if (Number.isNaN(total) || Number.isNaN(available)) throw new Error('/proc/meminfo: no MemTotal or MemAvailable');
    return [{ name: 'memory.used_percent', unit: '%', scale: 0.01, value: percent(total - available, total) }];
  }
}
