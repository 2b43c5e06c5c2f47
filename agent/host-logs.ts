import { join } from 'node:path';
import type { Said } from '../broker/messages.ts';
import { redactLines } from '../broker/redact.ts';
import { tailLines } from './changes/bounded-read.ts';

/** Lines of a unit or program that a snapshot carries, and the length of each: some 6 kB. */
export const LOG_LINES = 24;
const MAX_LINE = 240;
/** Of each system log, so much from its end is looked through: a thousand lines or two. */
const TAIL = 131_072;
const SYSTEM_LOGS = ['var/log/syslog', 'var/log/messages', 'var/log/daemon.log'];
const KERNEL_LOGS = ['var/log/kern.log', 'var/log/syslog', 'var/log/messages'];

/** Log lines as they may leave the host: redacted, cut, and never trusted, since programs write what visitors sent them. */
export const asSaid = (lines: readonly string[], max = MAX_LINE): Said[] =>
  redactLines(lines, max).map((text) => ({ text, trusted: false }));

/**
 * The last lines that a unit or program wrote to the system's log files, oldest first; none where there are no such
 * files. `name` is a unit (`nginx.service`) or a program's name, and compared with the tag of a line.
 */
export function linesInSystemLog(root: string, name: string, count = LOG_LINES): Said[] {
  const program = name.replace(/\.(?:service|socket|timer|scope)$/, '').replace(/@.*$/, '');
  return lastOf(root, SYSTEM_LOGS, (tag) => tag === program, count);
}

/** The kernel's last lines in the system's log files. */
export const kernelLines = (root: string, count = LOG_LINES): Said[] =>
  lastOf(root, KERNEL_LOGS, (tag) => tag === 'kernel', count);

function lastOf(root: string, files: readonly string[], wants: (tag: string) => boolean, count: number): Said[] {
  for (const file of files) {
    const lines = tailLines(join(root, file), TAIL).filter((line) => wants(tagOf(line)));
    if (lines.length > 0) return asSaid(lines.slice(-count));
  }
  return [];
}

/** `Nov  2 04:11:09 host nginx[12]: ...` or `2026-11-02T04:11:09.1+00:00 host nginx[12]: ...`: the third word's name. */
function tagOf(line: string): string {
  const match =
    /^(?:[A-Z][a-z]{2} [ \d]\d [\d:]{8}|\d{4}-\d\d-\d\dT\S{8,25}) \S{1,255} ([\w.@/+-]{1,64}?)(?:\[\d{1,10}\])?: /.exec(
      line,
    );
  return match?.[1] ?? '';
}
