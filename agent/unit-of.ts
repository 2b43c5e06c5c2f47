import type { ProcFiles } from './sense/proc-files.ts';

/** Units that a person restarts; a session's scope or a user's own manager is none. */
const UNIT = /^(?!user@|user-|session-|init\.scope)[A-Za-z0-9][A-Za-z0-9:_.@-]{0,120}\.(?:service|socket|timer)$/;

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
