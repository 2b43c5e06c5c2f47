import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcFiles } from './sense/proc-files.ts';

/** Where systemd reads units from, below the root of the host's own files. */
export const UNIT_FOLDERS = [
  'etc/systemd/system',
  'run/systemd/system',
  'lib/systemd/system',
  'usr/lib/systemd/system',
];

/** Units that a person restarts; a session's scope or a user's own manager is none. */
const UNIT = /^(?!user@|user-|session-|init\.scope)[A-Za-z0-9][A-Za-z0-9:_.@-]{0,120}\.(?:service|socket|timer)$/;

/** Whether it is the name of a unit that a person restarts. */
export const isUnitName = (name: string): boolean => UNIT.test(name);

/** The systemd unit that a process runs in, by its control group; null where there is none that could be acted on. */
export function unitOf(proc: ProcFiles, pid: number): string | null {
  try {
    // Version 2 has one line, `0::/system.slice/nginx.service`; version 1 names systemd's own hierarchy.
    for (const line of proc.head(`${pid}/cgroup`).split('\n')) {
      const match = /^(?:0::|\d{1,3}:name=systemd:)(\/.*)$/.exec(line);
      // The innermost part that is a unit: below it a service may have control groups of its own.
      const unit = match?.[1]?.split('/').findLast((part) => UNIT.test(part));
      if (unit !== undefined) return unit;
    }
  } catch {
    // It ended, or is not ours to read.
  }
  return null;
}

/** The timer that starts a service, by the name that systemd takes where a timer says no other; null when there is none. */
export function timerOf(unit: string, root: string): string | null {
  if (!unit.endsWith('.service')) return null;
  const timer = unit.replace(/\.service$/, '.timer');
  return UNIT_FOLDERS.some((folder) => existsSync(join(root, folder, timer))) ? timer : null;
}
