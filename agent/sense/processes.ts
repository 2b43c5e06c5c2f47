import type { ProcFiles } from './proc-files.ts';
import { type ProcessStat, parseProcessStat } from './process-stat.ts';
import { percent, type Reading, type Sense } from './sense.ts';

/** A process of the last sample. */
export interface ProcessRow extends ProcessStat {
  /** Percent of one core since the sample before; since its start for one that was born in between. */
  readonly cpu: number;
  /** Bytes by which it grew within the window. */
  readonly growth: number;
}

/** A scan reads this many at most: a fork bomb must not take the agent with it. */
export const MAX_PROCESSES = 4_096;
/** Growth is measured over this. */
const WINDOW_MS = 60_000;
/** One remembered size for each tenth second of the window is enough for growth, and bounds what is kept. */
const POINT_EVERY_MS = 10_000;
/** Ticks are 10 ms: a share taken over less than this would be noise. */
const MIN_INTERVAL_MS = 200;

/** What bounds the number of tasks, and how long that is taken as read. */
const ROOMS = ['pid_max', 'threads-max'] as const;
const ROOM_MS = 60_000;

interface Track {
  row: ProcessRow;
  /** When `row.cpu` was taken, and the ticks then. */
  at: number;
  ticks: number;
  points: { readonly at: number; readonly rss: number }[];
}

/** Every process's share of processor and memory. Other senses and the capture read its table. */
export class ProcessesSense implements Sense {
  readonly name = 'processes';
  readonly #proc: ProcFiles;
  #tracks = new Map<number, Track>();
  #lastAt: number | undefined;
  #rows: readonly ProcessRow[] = [];
  #failed = false;
  #room = Number.NaN;
  #roomUntil = Number.NEGATIVE_INFINITY;

  constructor(proc: ProcFiles) {
    this.#proc = proc;
  }

  /** The table of the last sample, in no order. Throws when that sample failed: yesterday's table would be a lie. */
  rows(): readonly ProcessRow[] {
    if (this.#failed) throw new Error('the last scan of the processes failed');
    return this.#rows;
  }

  find(pid: number): ProcessRow | undefined {
    return this.#tracks.get(pid)?.row;
  }

  /** Forgets everything: what comes after a pause is a first sample. */
  close(): void {
    this.#tracks = new Map();
    this.#rows = [];
    this.#lastAt = undefined;
    this.#failed = false;
  }

  /** The largest, by whatever is compared. */
  top(count: number, by: (row: ProcessRow) => number): ProcessRow[] {
    return [...this.#rows].sort((a, b) => by(b) - by(a) || a.pid - b.pid).slice(0, count);
  }

  sample(now: number): Reading[] {
    const { pageSize, ticksPerSecond } = this.#proc.units();
    this.#failed = true;
    const pids = this.#pids();
    this.#failed = false;
    const tracks = new Map<number, Track>();
    const rows: ProcessRow[] = [];
    let [zombies, blocked] = [0, 0];
    for (const pid of pids.scanned) {
      let stat: ProcessStat | null;
      try {
        stat = parseProcessStat(this.#proc.head(`${pid}/stat`), pageSize);
      } catch {
        continue; // it ended since the folder was listed
      }
      if (stat === null) continue;
      if (stat.state === 'Z') zombies++;
      if (stat.state === 'D') blocked++;
      const track = this.#follow(stat, now, ticksPerSecond);
      tracks.set(stat.pid, track);
      rows.push(track.row);
    }
    this.#tracks = tracks;
    this.#rows = rows;
    this.#lastAt = now;
    return [
      { name: 'process.count', unit: '', scale: 1, value: pids.count },
      { name: 'process.zombies', unit: '', scale: 1, value: zombies },
      // They wait in the kernel and can't be killed: for a disk, a file server, a driver.
      { name: 'process.blocked', unit: '', scale: 1, value: blocked },
      { name: 'process.table_percent', unit: '%', scale: 0.1, value: this.#tableUse(now) },
    ];
  }

  /** Tasks, threads included, of as many as this kernel can number. */
  #tableUse(now: number): number | null {
    try {
      const tasks = Number(/^\S+ \S+ \S+ \d+\/(\d+) /.exec(this.#proc.head('loadavg'))?.[1] ?? Number.NaN);
      if (!(now < this.#roomUntil)) {
        this.#room = Math.min(...ROOMS.map((name) => Number(this.#proc.head(`sys/kernel/${name}`))));
        this.#roomUntil = now + ROOM_MS;
      }
      return percent(tasks, this.#room);
    } catch {
      return null;
    }
  }

  #follow(stat: ProcessStat, now: number, ticksPerSecond: number): Track {
    const share = (ticks: number, ms: number): number => Math.max(0, (ticks * 100_000) / ticksPerSecond / ms);
    const known = this.#tracks.get(stat.pid);
    if (known === undefined || known.row.start !== stat.start) {
      const ms = now - (this.#lastAt ?? now);
      // In the first sample nothing says which of its ticks are recent.
      const cpu = this.#lastAt !== undefined && ms >= MIN_INTERVAL_MS ? share(stat.ticks, ms) : 0;
      return { row: { ...stat, cpu, growth: 0 }, at: now, ticks: stat.ticks, points: [{ at: now, rss: stat.rss }] };
    }
    let cpu = known.row.cpu;
    if (now - known.at >= MIN_INTERVAL_MS) {
      cpu = share(stat.ticks - known.ticks, now - known.at);
      known.at = now;
      known.ticks = stat.ticks;
    }
    const points = known.points;
    if (now - (points.at(-1)?.at ?? 0) >= POINT_EVERY_MS) points.push({ at: now, rss: stat.rss });
    while (points.length > 1 && now - (points[0]?.at ?? 0) > WINDOW_MS) points.shift();
    known.row = { ...stat, cpu, growth: stat.rss - (points[0]?.rss ?? stat.rss) };
    return known;
  }

  /** Beyond the bound, the oldest (the host's own services) and the newest (what just happened) are looked at. */
  #pids(): { readonly count: number; readonly scanned: readonly string[] } {
    const all = this.#proc.list('.').filter((name) => {
      const first = name.charCodeAt(0);
      return first >= 49 && first <= 57;
    });
    if (all.length <= MAX_PROCESSES) return { count: all.length, scanned: all };
    all.sort((a, b) => Number(a) - Number(b));
    const half = MAX_PROCESSES / 2;
    return { count: all.length, scanned: [...all.slice(0, half), ...all.slice(-half)] };
  }
}
