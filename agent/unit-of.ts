import { readFileSync, statSync } from 'node:fs';
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

/** A timer's file is a dozen lines; what is longer is none that a person wrote. */
const MAX_TIMER = 65_536;

/**
 * The timer that starts a service: of the service's own name, as systemd takes it, unless it is masked or says that it
 * starts another unit. Null when there is none.
 */
export function timerOf(unit: string, root: string): string | null {
  if (!unit.endsWith('.service')) return null;
  const timer = unit.replace(/\.service$/, '.timer');
  for (const folder of UNIT_FOLDERS) {
    const text = textOf(join(root, folder, timer));
    // The first folder decides: what is masked in /etc is so whatever a package brought.
    if (text !== null) return isMasked(text) || startsAnother(text, unit) ? null : timer;
  }
  return null;
}

/** Null where there is none; empty, as systemd sees it, for what is no regular file or too long. */
function textOf(path: string): string | null {
  try {
    const found = statSync(path);
    return found.isFile() && found.size <= MAX_TIMER ? readFileSync(path, 'utf8') : '';
  } catch {
    return null;
  }
}

/** systemd.unit(5): a link to /dev/null or an empty file. */
const isMasked = (text: string): boolean => text === '';

/** systemd.timer(5), `Unit=`; one with a specifier in it counts as another. */
const startsAnother = (text: string, unit: string): boolean =>
  [...text.matchAll(/^[ \t]*Unit[ \t]*=(.*)$/gm)].some(
    ([, value = '']) => value.trim() !== '' && value.trim() !== unit,
  );
