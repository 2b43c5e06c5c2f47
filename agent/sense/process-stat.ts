import type { ProcessRef } from '../../policy/verdict.ts';
import type { ProcFiles } from './proc-files.ts';

/** What /proc/PID/stat says, with sizes in bytes and times in ticks. */
export interface ProcessStat {
  readonly pid: number;
  readonly comm: string;
  /** One letter: R running, S sleeping, D waiting for a device, Z dead and not collected, ... */
  readonly state: string;
  readonly ppid: number;
  readonly pgrp: number;
  /** Ticks of processor time that it used, in user mode and in the kernel. */
  readonly ticks: number;
  /** Ticks after boot at which it started (field 22). */
  readonly start: number;
  /** Bytes of it in memory. */
  readonly rss: number;
}

/** What a message may carry of an executable's path; a longer one is left out, since a cut path names another file. */
const MAX_EXE = 512;

/**
 * Reads one line of /proc/PID/stat, or gives null when it is not one. The command's name may hold blanks and
 * parentheses, and whoever runs the process chooses it: only the last parenthesis ends it.
 */
export function parseProcessStat(line: string, pageSize: number): ProcessStat | null {
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  if (open < 1 || close < open) return null;
  const pid = Number(line.slice(0, open - 1));
  const rest = line.slice(close + 2).split(' ', 22);
  const [state = '', ppid, pgrp] = rest;
  const ticks = Number(rest[11]) + Number(rest[12]);
  const stat = {
    pid,
    comm: line.slice(open + 1, close).slice(0, 64),
    state,
    ppid: Number(ppid),
    pgrp: Number(pgrp),
    ticks,
    start: Number(rest[19]),
    rss: Number(rest[21]) * pageSize,
  };
  const isWhole =
    Number.isSafeInteger(pid) &&
    Number.isSafeInteger(stat.ppid) &&
    Number.isSafeInteger(stat.pgrp) &&
    Number.isSafeInteger(ticks) &&
    Number.isSafeInteger(stat.start) &&
    Number.isSafeInteger(stat.rss);
  return isWhole && pid > 0 && stat.rss >= 0 && isLetter(state) ? stat : null;
}

/** By its code: a regular expression for each process of each sample is dear where nothing is compiled. */
const isLetter = (text: string): boolean => {
  const code = text.charCodeAt(0) | 32;
  return text.length === 1 && code >= 97 && code <= 122;
};

/** One process now; null when it is gone. */
export function readProcessStat(proc: ProcFiles, pid: number): ProcessStat | null {
  try {
    return parseProcessStat(proc.head(`${pid}/stat`), proc.units().pageSize);
  } catch {
    return null;
  }
}

/** The identity of a process: what an order must find unchanged. `exe` is left out where it may not be read. */
export function processRef(proc: ProcFiles, stat: Pick<ProcessStat, 'pid' | 'start' | 'comm'>): ProcessRef {
  const exe = proc.link(`${stat.pid}/exe`);
  const ref = { pid: stat.pid, start: stat.start, comm: stat.comm };
  return exe === null || exe.length > MAX_EXE ? ref : { ...ref, exe };
}
