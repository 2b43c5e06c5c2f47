import { closeSync, constants, openSync, readSync } from 'node:fs';
import type { WatchedGroup } from '../drop-in/groups.ts';
import { countOpen } from './open-files.ts';
import type { ProcFiles } from './proc-files.ts';
import type { ProcessesSense, ProcessRow } from './processes.ts';
import { labelled, type Reading, type Sense } from './sense.ts';

const MIB = 1_048_576;
/** Restarts are counted over this. */
const WINDOW_MS = 60_000;
/** A group that has been empty for longer has stopped, and no longer restarts. */
const STOPPED_AFTER_MS = 10_000;
/** Births that are remembered per group: ten a second for the whole window. */
const MAX_BIRTHS = 600;

/** Members whose open files are counted: at some 30 us each this is 4 ms. */
const MAX_COUNTED = 128;

interface Life {
  /** pid and start of the members of the sample before. */
  members: ReadonlySet<string>;
  births: number[];
  emptySince: number | undefined;
  /** It ran lately: who comes now is a restart. */
  running: boolean;
}

/** What the declared workloads use. Runs after the processes were sampled, and reads their table. */
export class GroupsSense implements Sense {
  readonly name = 'groups';
  readonly #proc: ProcFiles;
  readonly #processes: ProcessesSense;
  readonly #declared: () => readonly WatchedGroup[];
  #lives = new Map<string, Life>();
  #members = new Map<string, readonly ProcessRow[]>();

  constructor(proc: ProcFiles, processes: ProcessesSense, declared: () => readonly WatchedGroup[]) {
    this.#proc = proc;
    this.#processes = processes;
    this.#declared = declared;
  }

  /** The processes of each group in the last sample. */
  members(group: string): readonly ProcessRow[] {
    return this.#members.get(group) ?? [];
  }

  /** The group that a process belonged to in the last sample. */
  groupOf(pid: number): string | undefined {
    for (const [name, rows] of this.#members) if (rows.some((row) => row.pid === pid)) return name;
    return undefined;
  }

  /** Forgets everything: who is there after a pause did not restart. */
  close(): void {
    this.#lives = new Map();
    this.#members = new Map();
  }

  sample(now: number): Reading[] {
    const lives = new Map<string, Life>();
    const members = new Map<string, readonly ProcessRow[]>();
    const readings: Reading[] = [];
    for (const group of this.#declared()) {
      const rows = this.#find(group);
      const life = this.#live(this.#lives.get(group.name), rows ?? [], now);
      lives.set(group.name, life);
      members.set(group.name, rows ?? []);
      const sum = (of: (row: ProcessRow) => number): number | null =>
        rows === null ? null : rows.reduce((total, row) => total + of(row), 0);
      readings.push(
        reading(
          'group.memory_mib',
          group.name,
          'MiB',
          0.1,
          sum((row) => row.rss / MIB),
          group.memoryMib,
        ),
        reading(
          'group.cpu_percent',
          group.name,
          '%',
          0.1,
          sum((row) => row.cpu),
          group.cpuPercent,
        ),
        reading(
          'group.restarts_per_minute',
          group.name,
          '/min',
          1,
          rows === null ? null : life.running ? life.births.length : 0,
          group.restartsPerMinute,
        ),
        ...this.#asked(group, rows),
      );
    }
    this.#lives = lives;
    this.#members = members;
    this.#processes.attend(new Set([...members.values()].flatMap((rows) => rows.map(({ pid }) => pid))));
    return readings;
  }

  /** What is told only where a budget asks for it: open files cost a folder's listing for each member. */
  #asked(group: WatchedGroup, rows: readonly ProcessRow[] | null): Reading[] {
    const { name, openFiles, processesMax, processesMin } = group;
    const readings: Reading[] = [];
    if (openFiles !== undefined) {
      readings.push(reading('group.open_files', name, '', 1, rows === null ? null : this.#open(rows), openFiles));
    }
    const count = rows === null ? null : rows.length;
    if (processesMax !== undefined) readings.push(reading('group.processes', name, '', 1, count, processesMax));
    if (processesMin !== undefined) {
      const missing = count === null ? null : Math.max(0, processesMin - count);
      readings.push({ ...reading('group.missing', name, '', 1, missing, undefined), learn: false });
    }
    return readings;
  }

  /** Null when no member's files may be counted. */
  #open(rows: readonly ProcessRow[]): number | null {
    const counts = rows.slice(0, MAX_COUNTED).flatMap(({ pid }) => countOpen(this.#proc, pid) ?? []);
    return counts.length === 0 && rows.length > 0 ? null : counts.reduce((sum, count) => sum + count, 0);
  }

  #live(before: Life | undefined, rows: readonly ProcessRow[], now: number): Life {
    const members = new Set(rows.map((row) => `${row.pid} ${row.start}`));
    const births = (before?.births ?? []).filter((at) => now - at < WINDOW_MS);
    // The members of the first sight did not restart; nor did those who come after the group had stopped.
    if (before?.running) for (const member of members) if (!before.members.has(member)) births.push(now);
    const emptySince = rows.length > 0 ? undefined : (before?.emptySince ?? now);
    const stopped = emptySince !== undefined && now - emptySince >= STOPPED_AFTER_MS;
    return {
      members,
      births: births.slice(-MAX_BIRTHS),
      emptySince,
      running: rows.length > 0 || (before?.running === true && !stopped),
    };
  }

  /** Null when it can't be known who belongs; an empty list when nobody does. */
  #find(group: WatchedGroup): readonly ProcessRow[] | null {
    const leader = group.pgidFile === undefined ? undefined : readLeader(group.pgidFile);
    if (leader === null) return null;
    if (leader === 'none') return [];
    return this.#processes.rows().filter((row) => {
      if (row.state === 'Z') return false;
      if (leader !== undefined && row.pgrp !== leader.pgid) return false;
      // The leader's own row tells whether the number was given to someone else since.
      if (leader?.start !== undefined && row.pid === leader.pgid && row.start !== leader.start) return false;
      if (group.match?.comm !== undefined && row.comm !== group.match.comm) return false;
      return group.match?.user === undefined || this.#proc.owner(row.pid) === group.match.user;
    });
  }
}

function reading(
  name: string,
  group: string,
  unit: string,
  scale: number,
  value: number | null,
  limit: number | undefined,
): Reading {
  const bare = { name: labelled(name, group), unit, scale, value };
  return limit === undefined ? bare : { ...bare, limit };
}

/** `PGID` or `PGID START`. A missing file is a group that does not run; one that can't be read or understood is unknown. */
function readLeader(path: string): { readonly pgid: number; readonly start?: number } | 'none' | null {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const buffer = Buffer.alloc(64);
      const text = buffer.toString('latin1', 0, readSync(fd, buffer, 0, 64, 0)).trim();
      const match = /^([1-9]\d{0,6})(?:\s+(\d{1,15}))?$/.exec(text);
      if (match === null) return null;
      const pgid = Number(match[1]);
      return match[2] === undefined ? { pgid } : { pgid, start: Number(match[2]) };
    } finally {
      closeSync(fd);
    }
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT' ? 'none' : null;
  }
}
