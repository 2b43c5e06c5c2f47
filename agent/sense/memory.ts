import { counterOf } from './counter-of.ts';
import type { ProcFiles } from './proc-files.ts';
import { percent, type Reading, type Sense } from './sense.ts';

const MIB = 1_048_576;

/** Bytes by name, of the lines of /proc/meminfo; undefined for a name that this kernel does not have. */
export function readMeminfo(proc: ProcFiles): { readonly get: (name: string) => number | undefined } {
  const meminfo = proc.head('meminfo');
  const get = (name: string): number | undefined => {
    const kib = counterOf(meminfo, name, ':');
    return Number.isNaN(kib) ? undefined : kib * 1_024;
  };
  return { get };
}

/**
 * Memory that programs could not get: what the kernel would not call available; what waits to be written to disks; and
 * what the kernel itself holds and can't give back, where its own leaks show.
 */
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
    const size = (...names: readonly string[]): number => names.reduce((sum, name) => sum + (info.get(name) ?? 0), 0);
    return [
      { name: 'memory.used_percent', unit: '%', scale: 0.01, value: percent(total - available, total) },
      { name: 'memory.dirty_mib', unit: 'MiB', scale: 1, value: size('Dirty', 'Writeback') / MIB },
      {
        name: 'memory.kernel_percent',
        unit: '%',
        scale: 0.1,
        value: percent(size('SUnreclaim', 'KernelStack', 'PageTables', 'Percpu'), total),
      },
    ];
  }
}
