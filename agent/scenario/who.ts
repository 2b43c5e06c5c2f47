import { ProcFiles } from '../sense/proc-files.ts';
import { readProcessStat } from '../sense/process-stat.ts';
import { ScenarioError } from './scenario.ts';

/** A process that can be told from a later one of the same number. */
export interface Who {
  readonly pid: number;
  readonly start: number;
}

const proc = new ProcFiles();

/** The identity of a live process; null when there is none of that number. */
export function whoIs(pid: number): Who | null {
  const stat = readProcessStat(proc, pid);
  return stat === null || stat.state === 'Z' ? null : { pid, start: stat.start };
}

export function isAlive(who: Who | null): boolean {
  return who !== null && whoIs(who.pid)?.start === who.start;
}

/** The identity of the process that runs this module; throws E_SCENARIO_START where the kernel does not tell it. */
export function ownIdentity(): Who {
  const who = whoIs(process.pid);
  if (who === null) throw new ScenarioError('E_SCENARIO_START', `can't read /proc/${process.pid}/stat`);
  return who;
}

/** As it is written in a file that others read: number and start, with a blank in between. */
export const writtenWho = ({ pid, start }: Who): string => `${pid} ${start}`;

/** What `writtenWho` wrote; null for anything else. */
export function readWho(text: string): Who | null {
  const [, pid, start] = /^(\d{1,10}) (\d{1,15})$/.exec(text) ?? [];
  return asWho({ pid: Number(pid), start: Number(start) });
}

/** What a file says, where it makes sense; null otherwise. */
export function asWho(value: Partial<Who> | null | undefined): Who | null {
  const { pid, start } = value ?? {};
  if (pid === undefined || start === undefined) return null;
  return Number.isSafeInteger(pid) && pid > 1 && Number.isSafeInteger(start) && start >= 0 ? { pid, start } : null;
}
