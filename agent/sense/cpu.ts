import { counterOf } from './counter-of.ts';
import type { ProcFiles } from './proc-files.ts';
import { percent, perSecond, type Reading, type Sense } from './sense.ts';

interface Ticks {
  readonly total: number;
  readonly idle: number;
  readonly iowait: number;
  readonly steal: number;
}

interface Seen {
  readonly at: number;
  readonly all: Ticks;
  readonly cores: ReadonlyMap<string, Ticks>;
  readonly forks: number;
}

/** Times that add up to all: guests' are in user and nice already. */
const FIELDS = 8;
/** More cores than this are looked at as a whole only. */
const MAX_CORES = 256;

/**
 * Share of all cores' time since the last sample that was busy, waiting for disks, or taken by the hypervisor; the
 * busiest core, which one thread at its end shows on however many others idle; and how many processes and threads
 * were born. One file: /proc/stat.
 */
export class CpuSense implements Sense {
  readonly name = 'cpu';
  readonly #proc: ProcFiles;
  #last: Seen | undefined;

  constructor(proc: ProcFiles) {
    this.#proc = proc;
  }

  sample(at: number): Reading[] {
    const now = parse(at, this.#proc.text('stat'));
    const last = this.#last;
    this.#last = now;
    const share = (of: (ticks: Ticks) => number): number | null =>
      last === undefined ? null : shareOf(last.all, now.all, of);
    return [
      { name: 'cpu.percent', unit: '%', scale: 0.01, value: busy(last?.all, now.all) },
      { name: 'cpu.iowait_percent', unit: '%', scale: 0.01, value: share((ticks) => ticks.iowait) },
      { name: 'cpu.steal_percent', unit: '%', scale: 0.01, value: share((ticks) => ticks.steal) },
      { name: 'cpu.hottest_percent', unit: '%', scale: 0.1, value: last === undefined ? null : hottest(last, now) },
      {
        name: 'process.forks_per_s',
        unit: '/s',
        scale: 0.1,
        value: last === undefined ? null : perSecond(last.forks, now.forks, now.at - last.at),
      },
    ];
  }
}

function shareOf(before: Ticks, after: Ticks, of: (ticks: Ticks) => number): number | null {
  const passed = after.total - before.total;
  return passed <= 0 ? null : percent(of(after) - of(before), passed);
}

function busy(before: Ticks | undefined, after: Ticks): number | null {
  const idle = before === undefined ? null : shareOf(before, after, (ticks) => ticks.idle + ticks.iowait);
  return idle === null ? null : 100 - idle;
}

/** A core that was switched on since has no share yet. */
function hottest(before: Seen, after: Seen): number | null {
  let most: number | null = null;
  after.cores.forEach((ticks, core) => {
    const share = busy(before.cores.get(core), ticks);
    if (share !== null && share > (most ?? -1)) most = share;
  });
  return most;
}

/** Lines `cpu`, `cpu0` ..., then others: user nice system idle iowait irq softirq steal guest guest_nice; guest is in user. */
function parse(at: number, stat: string): Seen {
  const cores = new Map<string, Ticks>();
  let all: Ticks | null = null;
  for (let from = 0; stat.startsWith('cpu', from); ) {
    const end = stat.indexOf('\n', from);
    const words = stat.slice(from, end < 0 ? stat.length : end).split(' ');
    const [label = ''] = words;
    const ticks = parseTicks(words);
    if (label === 'cpu') all = ticks;
    else if (ticks !== null && cores.size < MAX_CORES) cores.set(label, ticks);
    if (end < 0) break;
    from = end + 1;
  }
  if (all === null) throw new Error('/proc/stat: no cpu line');
  return { at, all, cores, forks: counterOf(stat, 'processes') };
}

/** The line of all cores has two blanks behind its label. Word by word: a host may have hundreds of these lines. */
function parseTicks(words: readonly string[]): Ticks | null {
  const first = words[1] === '' ? 2 : 1;
  let total = 0;
  for (let i = first; i < first + FIELDS && i < words.length; i++) total += Number(words[i]);
  const idle = Number(words[first + 3]);
  const iowait = Number(words[first + 4] ?? 0);
  const steal = Number(words[first + 7] ?? 0);
  return Number.isFinite(total) && Number.isFinite(idle) ? { total, idle, iowait, steal } : null;
}
