import type { ProcFiles } from './proc-files.ts';
import type { Reading, Sense } from './sense.ts';

/** What is told of each file: `some` task waited, or `full`: all that could have worked did. */
const WANTED = { cpu: ['some'], memory: ['some', 'full'], io: ['some', 'full'] } as const;
const TOTAL = ' total=';
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
    const last = this.#last;
    this.#last = { at: now, totals };
    const readings: Reading[] = [];
    for (const file of FILES) {
      const text = this.#read(file);
      for (const kind of WANTED[file]) {
        const total = totalOf(text, kind);
        if (total === null) continue;
        const key = `${file}_${kind}`;
        totals.set(key, total);
        const value = share(last?.totals.get(key), total, now - (last?.at ?? now));
        readings.push({ name: `pressure.${key}_percent`, unit: '%', scale: 0.1, value });
      }
    }
    return readings;
  }

  #read(file: string): string {
    try {
      return this.#proc.head(`pressure/${file}`);
    } catch {
      return ''; // not in this kernel, or switched off
    }
  }
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, a line for each kind; by search, as expressions are dear here. */
function totalOf(text: string, kind: string): number | null {
  const from = text.startsWith(`${kind} `) ? 0 : text.indexOf(`\n${kind} `) + 1;
  if (from === 0 && !text.startsWith(`${kind} `)) return null;
  const end = text.indexOf('\n', from);
  const line = text.slice(from, end < 0 ? text.length : end);
  const at = line.lastIndexOf(TOTAL);
  const total = at < 0 || line.length === at + TOTAL.length ? Number.NaN : Number(line.slice(at + TOTAL.length));
  return Number.isSafeInteger(total) && total >= 0 ? total : null;
}

/** Totals are microseconds; clocks of two kinds may make it a little more than all of the time. */
function share(before: number | undefined, after: number, ms: number): number | null {
  if (before === undefined || after < before || !(ms > 0)) return null;
  return Math.min(100, (after - before) / 10 / ms);
}
