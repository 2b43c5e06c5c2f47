import type { ProcFiles } from './proc-files.ts';
import { percent, type Reading, type Sense } from './sense.ts';

interface Ticks {
  readonly total: number;
  readonly idle: number;
  readonly iowait: number;
  readonly steal: number;
}

/** Share of all cores' time since the last sample that was busy, waiting for disks, or taken by the hypervisor. */
export class CpuSense implements Sense {
  readonly name = 'cpu';
  readonly #proc: ProcFiles;
  #last: Ticks | undefined;

  constructor(proc: ProcFiles) {
    this.#proc = proc;
  }

  sample(): Reading[] {
    const now = parse(this.#proc.head('stat'));
    const last = this.#last;
    this.#last = now;
    const passed = last === undefined ? 0 : now.total - last.total;
    const share = (of: (ticks: Ticks) => number): number | null =>
      last === undefined || passed <= 0 ? null : percent(of(now) - of(last), passed);
    const idle = share((ticks) => ticks.idle + ticks.iowait);
    return [
      { name: 'cpu.percent', unit: '%', scale: 0.01, value: idle === null ? null : 100 - idle },
      { name: 'cpu.iowait_percent', unit: '%', scale: 0.01, value: share((ticks) => ticks.iowait) },
      { name: 'cpu.steal_percent', unit: '%', scale: 0.01, value: share((ticks) => ticks.steal) },
    ];
  }
}

/** First line: user nice system idle iowait irq softirq steal guest guest_nice; guest time is already in user. */
function parse(stat: string): Ticks {
  const [label, ...fields] = (stat.split('\n', 1)[0] ?? '').trim().split(/\s+/);
  const ticks = fields.slice(0, 8).map(Number);
  const [, , , idle = Number.NaN, iowait = 0, , , steal = 0] = ticks;
  const total = ticks.reduce((sum, n) => sum + n, 0);
  if (label !== 'cpu' || !Number.isFinite(total) || !Number.isFinite(idle)) throw new Error('/proc/stat: no cpu line');
  return { total, idle, iowait, steal };
}
