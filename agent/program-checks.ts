import { normalize } from 'node:path';
import type { Program } from '../policy/program.ts';
import type { ProcessRef } from '../policy/verdict.ts';
import { RunError } from './binaries.ts';
import { ProcFiles } from './sense/proc-files.ts';
import { processRef, readProcessStat } from './sense/process-stat.ts';

const proc = new ProcFiles();

/**
 * A pid means the process that was seen: same start, same name, same executable where it could be read (invariant 3).
 * Another user's is refused where we could only fail to act on it.
 */
export function checkProcesses(program: Program, processes: readonly ProcessRef[], foreignToo: boolean): void {
  const words = new Set(program.jobs.flatMap(({ pipe }) => pipe.flatMap(({ argv }) => argv.slice(1))));
  for (const seen of processes) {
    if (!words.has(String(seen.pid))) continue;
    const stat = readProcessStat(proc, seen.pid);
    if (stat === null || stat.state === 'Z')
      throw new RunError('E_PROCESS_GONE', `process ${seen.pid} (${seen.comm}) has ended`);
    const present = processRef(proc, stat);
    const isSame =
      present.start === seen.start &&
      present.comm === seen.comm &&
      (seen.exe === undefined || present.exe === seen.exe);
    if (!isSame) throw new RunError('E_PROCESS_OTHER', `pid ${seen.pid} is another process now (${present.comm})`);
    if (!foreignToo && proc.owner(seen.pid) !== process.geteuid?.())
      throw new RunError('E_NEEDS_ROOT', readOnlyHere(`process ${seen.pid} is another user's, and acting on it`));
  }
}

/** Whether this process acts as root. */
export const isRoot = (): boolean => process.geteuid?.() === 0;

/** Why something can't be done by who is not root, with the way out. */
export const readOnlyHere = (what: string): string =>
  `read-only here: cannot act as root, and ${what} takes it. Install sentinel-exec, or start the agent with --sudo.`;

/** A path by itself, behind `--flag=` or `key=`, or joined to a one-letter flag. */
const PATH_IN_WORD = /^(?:-{0,2}[A-Za-z][A-Za-z0-9_-]*=|-[A-Za-z])?(\/.*)$/s;

/** Has every path that a program names checked; `check` throws. */
export function checkPaths(program: Program, check: (path: string) => void): void {
  for (const { pipe } of program.jobs) {
    for (const { argv } of pipe) {
      for (const word of argv.slice(1)) {
        const path = PATH_IN_WORD.exec(word)?.[1];
        if (path !== undefined) check(normalize(path));
      }
    }
  }
}
