import { counterOf } from './counter-of.ts';
import type { ProcFiles } from './proc-files.ts';
import { Recent } from './recent.ts';
import { perSecond, type Reading, type Sense } from './sense.ts';

/** A kill is told for a minute: whatever the interval, no sample misses it. */
const KILL_WINDOW_MS = 60_000;

/**
 * What the kernel does for want of memory: pages that had to be read from a disk before a program could go on, pages
 * that came back from swap, and programs that it killed. One file: /proc/vmstat.
 */
export class PagingSense implements Sense {
  readonly name = 'paging';
  readonly #proc: ProcFiles;
  readonly #kills = new Recent(KILL_WINDOW_MS);
  #last: { readonly at: number; readonly faults: number; readonly swapped: number } | undefined;

  constructor(proc: ProcFiles) {
    this.#proc = proc;
  }

  sample(now: number): Reading[] {
    const vmstat = this.#proc.text('vmstat');
    const counter = (name: string): number => counterOf(vmstat, name);
    const current = { at: now, faults: counter('pgmajfault'), swapped: counter('pswpin') };
    const last = this.#last;
    this.#last = current;
    const rate = (of: (at: typeof current) => number): number | null =>
      last === undefined ? null : perSecond(of(last), of(current), now - last.at);
    const kills = counter('oom_kill');
    return [
      { name: 'memory.major_faults_per_s', unit: '/s', scale: 0.1, value: rate(({ faults }) => faults) },
      { name: 'swap.in_pages_per_s', unit: '/s', scale: 0.1, value: rate(({ swapped }) => swapped) },
      // Kernels before 4.13 do not count them.
      {
        name: 'memory.oom_kills',
        unit: '',
        scale: 1,
        learn: false,
        value: Number.isNaN(kills) ? null : this.#kills.see(now, kills),
      },
    ];
  }
}
