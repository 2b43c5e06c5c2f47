import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a process has used, and holds now. */
export interface ProcessCost {
  /** Nanoseconds of processor time, all threads, and children that were waited for. */
  readonly cpuNs: number;
  readonly rssKib: number;
  /** Children that live, and 1 more where any ended since the start: how many ended can't be read. */
  readonly children: number;
  /** Memory of the follower of the journal, which is no such child: it is started once and lives as long as the agent. */
  readonly journalRssKib: number;
}

const TICK_NS = 10_000_000;

/**
 * Reads a process's cost from /proc. Times are the scheduler's, in nanoseconds: ticks of 10 ms say little about a
 * sample of some milliseconds. Throws when it is gone.
 */
export function readCost(pid: number): ProcessCost {
  const folder = `/proc/${pid}`;
  let cpuNs = 0;
  let [living, journalRssKib] = [0, 0];
  for (const task of readdirSync(join(folder, 'task'))) {
    cpuNs += Number(readFileSync(join(folder, 'task', task, 'schedstat'), 'utf8').split(' ', 1)[0]);
    for (const child of readFileSync(join(folder, 'task', task, 'children'), 'utf8')
      .trim()
      .split(/\s+/)) {
      if (child === '') continue;
      if (readFileSync(`/proc/${child}/comm`, 'utf8').trim() === 'journalctl') journalRssKib += rssOf(`/proc/${child}`);
      else living++;
    }
  }
  const stat = readFileSync(join(folder, 'stat'), 'utf8');
  // From the third field on, counted from 0: minor faults of waited-for children are the 8th, their times 13th and 14th.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [faults = 0, user = 0, system = 0] = [fields[8], fields[13], fields[14]];
  return {
    cpuNs: cpuNs + (user + system) * TICK_NS,
    rssKib: rssOf(folder),
    // A program that was started has touched pages of its own, whatever it was.
    children: living + (faults > 0 ? 1 : 0),
    journalRssKib,
  };
}

const rssOf = (folder: string): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(join(folder, 'status'), 'utf8'))?.[1] ?? Number.NaN);
