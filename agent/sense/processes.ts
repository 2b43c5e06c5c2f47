import type { ProcFiles } from './proc-files.ts';
import { ProcessList } from './process-list.ts';
import { type ProcessStat, parseProcessStat } from './process-stat.ts';
import { percent, type Reading, type Sense } from './sense.ts';
import { StatFiles } from './stat-files.ts';

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

/**
 * A process whose line was the same in so many samples sleeps, and is then read in every fourth one, by its number; and
 * when it was the same each time for long (an hour and more at 30 s), in every eighth.
 */
const ASLEEP_AFTER = 3;
const ASLEEP_EVERY = 4;
const DEEP_AFTER = 32;
const DEEP_EVERY = 8;

interface Track {
  /** The sample in which it was there last. */
  turn: number;
  /** Samples in a row in which its line was the same. */
  same: number;
  /** What the row was read from: most processes sleep, and their line is the same in the next sample. */
  line: string;
  row: ProcessRow;
  /** When `row.cpu` was taken, and the ticks then. */
  at: number;
  ticks: number;
  points: { at: number; readonly rss: number }[];
}

/** Every process's share of processor and memory. Other senses and the capture read its table. */
export class ProcessesSense implements Sense {
  readonly name = 'processes';
  readonly #proc: ProcFiles;
  readonly #files: StatFiles;
  readonly #list: ProcessList;
  #tracks = new Map<number, Track>();
  #lastAt: number | undefined;
  #rows: readonly ProcessRow[] = [];
  #failed = false;
  #turn = 0;
  #attended: ReadonlySet<number> = new Set();
  #room = Number.NaN;
  #roomUntil = Number.NEGATIVE_INFINITY;

  constructor(proc: ProcFiles) {
    this.#proc = proc;
    this.#files = new StatFiles(proc);
    this.#list = new ProcessList(proc);
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
    this.#files.close();
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
    const turn = ++this.#turn;
    const rows: ProcessRow[] = [];
    let [zombies, blocked] = [0, 0];
    // By its place: what the language does for each turn of a `for of` is dear where nothing is compiled.
    for (let i = 0; i < pids.scanned.length; i++) {
      const pid = pids.scanned[i] ?? '';
      const known = this.#tracks.get(Number(pid));
      if (known !== undefined && this.#sleeps(known)) {
        // What it did meanwhile is counted when it is read again, over all of that time.
        known.turn = turn;
        rows.push(known.row);
        if (known.row.state === 'Z') zombies++;
        if (known.row.state === 'D') blocked++;
        continue;
      }
      const line = this.#files.read(pid);
      if (line === null) {
        this.#list.miss(); // it ended since the folder was listed
        continue;
      }
      const isSame = known?.line === line;
      if (isSame && isStill(known)) {
        stay(known, now, turn);
        rows.push(known.row);
        continue;
      }
      const stat = isSame ? known.row : parseProcessStat(line, pageSize);
      if (stat === null) {
        this.#files.forget(pid);
        continue;
      }
      if (stat.state === 'Z') zombies++;
      if (stat.state === 'D') blocked++;
      const track = this.#follow(stat, line, now, ticksPerSecond);
      track.turn = turn;
      this.#tracks.set(stat.pid, track);
      rows.push(track.row);
    }
    if (this.#tracks.size > rows.length) this.#forgetBefore(turn);
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

  /** From the next sample on these are read every time: a budget is on them. */
  attend(pids: ReadonlySet<number>): void {
    this.#attended = pids;
  }

  /** Reads all processes at the next sample: whoever slept until now may be the one to name. */
  wakeAll(): void {
    for (const track of this.#tracks.values()) track.same = 0;
  }

  #sleeps({ same, row }: Track): boolean {
    if (same < ASLEEP_AFTER) return false;
    return (
      (row.pid + this.#turn) % (same < DEEP_AFTER ? ASLEEP_EVERY : DEEP_EVERY) !== 0 && !this.#attended.has(row.pid)
    );
  }

  /** Tasks, threads included, of as many as this kernel can number. */
  #tableUse(now: number): number | null {
    try {
      if (!(now < this.#roomUntil)) {
        this.#room = Math.min(...ROOMS.map((name) => Number(this.#proc.head(`sys/kernel/${name}`))));
        this.#roomUntil = now + ROOM_MS;
      }
      return percent(this.#list.tasks, this.#room);
    } catch {
      return null;
    }
  }

  #forgetBefore(turn: number): void {
    this.#tracks.forEach((track, pid) => {
      if (track.turn === turn) return;
      this.#tracks.delete(pid);
      this.#files.forget(String(pid));
    });
  }

  #follow(stat: ProcessStat, line: string, now: number, ticksPerSecond: number): Track {
    const known = this.#tracks.get(stat.pid);
    if (known === undefined || known.row.start !== stat.start) {
      const ms = now - (this.#lastAt ?? now);
      // In the first sample nothing says which of its ticks are recent.
      const cpu = this.#lastAt !== undefined && ms >= MIN_INTERVAL_MS ? share(stat.ticks, ms, ticksPerSecond) : 0;
      const points = [{ at: now, rss: stat.rss }];
      return { turn: 0, same: 0, line, row: rowOf(stat, cpu, 0), at: now, ticks: stat.ticks, points };
    }
    let cpu = known.row.cpu;
    if (now - known.at >= MIN_INTERVAL_MS) {
      cpu = share(stat.ticks - known.ticks, now - known.at, ticksPerSecond);
      known.at = now;
      known.ticks = stat.ticks;
    }
    const points = known.points;
    if (now - (points.at(-1)?.at ?? 0) >= POINT_EVERY_MS) points.push({ at: now, rss: stat.rss });
    while (points.length > 1 && now - (points[0]?.at ?? 0) > WINDOW_MS) points.shift();
    const growth = stat.rss - (points[0]?.rss ?? stat.rss);
    if (stat !== known.row || cpu !== known.row.cpu || growth !== known.row.growth) {
      known.row = rowOf(stat, cpu, growth);
    }
    known.same = known.line === line ? known.same + 1 : 0;
    known.line = line;
    return known;
  }

  /** Beyond the bound, the oldest (the host's own services) and the newest (what just happened) are looked at. */
  #pids(): { readonly count: number; readonly scanned: readonly string[] } {
    const listed = this.#list.read();
    if (listed.length <= MAX_PROCESSES) return { count: listed.length, scanned: listed };
    const all = [...listed].sort((a, b) => Number(a) - Number(b));
    const half = MAX_PROCESSES / 2;
    return { count: all.length, scanned: [...all.slice(0, half), ...all.slice(-half)] };
  }
}

/** Ticks within so many milliseconds, in percent of one core. */
const share = (ticks: number, ms: number, ticksPerSecond: number): number =>
  Math.max(0, (ticks * 100_000) / ticksPerSecond / ms);

/** Named one by one: a spread costs twenty times as much where nothing is compiled. */
const rowOf = ({ pid, comm, state, ppid, pgrp, ticks, start, rss }: ProcessStat, cpu: number, growth: number) =>
  ({ pid, comm, state, ppid, pgrp, ticks, start, rss, cpu, growth }) satisfies ProcessRow;

/** It sleeps, and had slept when it was last read: its row stands. */
const isStill = ({ same, row: { cpu, growth, state } }: Track): boolean =>
  same >= ASLEEP_AFTER && cpu === 0 && growth === 0 && state !== 'Z' && state !== 'D';

/** The same again of one that is still: what it does next is reckoned from now on. */
function stay(track: Track, now: number, turn: number): void {
  track.same++;
  track.at = now;
  track.turn = turn;
  track.points.length = 1;
  const [point] = track.points;
  if (point !== undefined) point.at = now;
}
