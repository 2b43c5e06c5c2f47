import { readFileSync } from 'node:fs';
import { ProcFiles } from '../sense/proc-files.ts';
import { type ProcessStat, readProcessStat } from '../sense/process-stat.ts';
import { BOUNDS, type CageBounds, type Overrun } from './bounds.ts';
import type { Cage, Cages } from './cage.ts';
import { rlimitPrefix } from './rlimits.ts';
import { exceeded } from './usage.ts';

/** Rounds of a kill: each stops what it finds, so the next finds only what was forked meanwhile. */
const ROUNDS = 200;
const proc = new ProcFiles();

/**
 * Cages where no cgroup may be made: a program's processes are found in /proc, as children of its children, and, where
 * a parent ended and took the trace with it, by the environment that we alone start programs with. One that changed
 * its environment *and* left its parent and its session is not found: a cgroup is the better cage.
 */
export function openStrays(
  environment: Readonly<Record<string, string | undefined>>,
  bounds: CageBounds = BOUNDS,
): Cages {
  const mark = Object.entries(environment)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`);
  // What a closed cage left behind is not looked for any more.
  return { kind: 'processes found in /proc', left: () => 0, make: () => new Strays(mark, bounds) };
}

class Strays implements Cage {
  readonly prefix: readonly string[];
  private readonly bounds: CageBounds;
  private readonly mark: readonly string[];
  private readonly reapers = ancestors();
  /** What was seen inside, by pid and start time: a pid alone may be another's by now. */
  private readonly known = new Map<number, number>();

  constructor(mark: readonly string[], bounds: CageBounds) {
    this.mark = mark;
    this.bounds = bounds;
    this.prefix = rlimitPrefix(bounds);
  }

  start<T>(spawn: () => T): T {
    return spawn();
  }

  started(pid: number): void {
    const stat = readProcessStat(proc, pid);
    if (stat !== null) this.known.set(pid, stat.start);
  }

  overrun(): Overrun | null {
    return exceeded(this.find(), this.bounds);
  }

  terminate(): void {
    for (const pid of this.find()) send(pid, 'SIGTERM');
  }

  kill(): void {
    const stopped = new Set<number>();
    // Stopped first: what can't run can't fork, and nothing is reaped while we count.
    for (let round = 0; round < ROUNDS; round++) {
      const fresh = this.find().filter((pid) => !stopped.has(pid));
      if (fresh.length === 0) break;
      for (const pid of fresh) {
        send(pid, 'SIGSTOP');
        stopped.add(pid);
      }
    }
    for (const pid of stopped) send(pid, 'SIGKILL');
  }

  count(): number {
    return this.find().length;
  }

  close(): void {
    this.known.clear();
  }

  /** Every process inside that has not ended. */
  private find(): number[] {
    const all = proc
      .list('.')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => readProcessStat(proc, Number(name)) ?? [])
      .filter(({ state, pid }) => state !== 'Z' && pid !== process.pid);
    const inside = new Map<number, ProcessStat>();
    const oldest = Math.min(...this.known.values());
    for (const stat of all) {
      if (this.known.get(stat.pid) === stat.start || this.isMarked(stat, oldest)) inside.set(stat.pid, stat);
    }
    for (let before = -1; before < inside.size; ) {
      before = inside.size;
      for (const stat of all) if (inside.has(stat.ppid)) inside.set(stat.pid, stat);
    }
    for (const { pid, start } of inside.values()) this.known.set(pid, start);
    return [...inside.keys()];
  }

  /** Only what began no earlier than the program is asked, and only what one of our own ancestors took in. */
  private isMarked({ pid, ppid, start }: ProcessStat, oldest: number): boolean {
    if (start < oldest || !this.reapers.has(ppid)) return false;
    try {
      // All of it, in whatever order: a shell on the way adds its own and sorts them.
      const environment = new Set(readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0'));
      return this.mark.every((one) => environment.has(one));
    } catch {
      return false;
    }
  }
}

/** Who takes in a process whose parent ended: an ancestor that asked for it (PR_SET_CHILD_SUBREAPER), or pid 1. */
function ancestors(): ReadonlySet<number> {
  const found = new Set([1]);
  for (let pid = process.ppid; pid > 1 && !found.has(pid); pid = readProcessStat(proc, pid)?.ppid ?? 1) found.add(pid);
  return found;
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended, or it is not ours to signal.
  }
}
