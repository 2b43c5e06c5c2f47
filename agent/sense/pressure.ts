import type { ProcFiles } from './proc-files.ts';
import type { Reading, Sense } from './sense.ts';

/** What is told of each file: `some` task waited, or `full`: all that could have worked did. */
const WANTED = [
  { file: 'cpu', kind: 'some' },
  { file: 'memory', kind: 'some' },
  { file: 'memory', kind: 'full' },
  { file: 'io', kind: 'some' },
  { file: 'io', kind: 'full' },
] as const;
const FILES = ['cpu', 'memory', 'io'] as const;

/**
 * Pressure stall: the share of time since the last sample in which tasks stood still for want of processor, memory or
 * disk. From the kernel's running total and not from its average of ten seconds, which forgets most of 30 s. Kernels
 * without it (`CONFIG_PSI`, or `psi=0`) have no such metrics.
 */
export class PressureSense implements Sense {
  readonly name = 'pressure';
  readonly #proc: ProcFiles;
  #last: { readonly at: number; readonly totals: ReadonlyMap<string, number> } | undefined;

  constructor(proc: ProcFiles) {
    this.#proc = proc;
  }

  sample(now: number): Reading[] {
    const totals = new Map<string, number>();
    for (const file of FILES) {
      for (const [, kind = '', total = ''] of this.#read(file).matchAll(/^(some|full) .*\btotal=(\d{1,18})$/gm)) {
        totals.set(`${file}_${kind}`, Number(total));
      }
    }
    const last = this.#last;
    this.#last = { at: now, totals };
    return WANTED.flatMap(({ file, kind }) => {
      const key = `${file}_${kind}`;
      const total = totals.get(key);
      if (total === undefined) return [];
      return [
        {
          name: `pressure.${key}_percent`,
          unit: '%',
          scale: 0.1,
          value: share(last?.totals.get(key), total, now - (last?.at ?? now)),
        },
      ];
    });
  }

  #read(file: string): string {
    try {
      return this.#proc.head(`pressure/${file}`);
    } catch {
      return ''; // not in this kernel, or switched off
    }
  }
}

/** Totals are microseconds; clocks of two kinds may make it a little more than all of the time. */
function share(before: number | undefined, after: number, ms: number): number | null {
  if (before === undefined || after < before || !(ms > 0)) return null;
  return Math.min(100, (after - before) / 10 / ms);
}
