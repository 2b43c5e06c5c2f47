import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { asSaid, linesInSystemLog } from '../host-logs.ts';
import { JournalSense } from '../sense/journal/journal.ts';
import { foreign, type Probe, ProbeError } from './probe.ts';
import { runFixed } from './run-fixed.ts';

const LINES = 60;

/** The last lines of a unit: from the journal where there is one, else what the sense remembers, else from syslog's files. */
export const unitLog: Probe = async ({ name }, { root, sensor, signal }) => {
  if (root === '/' && existsSync('/run/systemd/journal')) {
    const args = ['--unit', name, '--lines', String(LINES), '--output', 'short-iso', '--no-pager', '--quiet'];
    const lines = await runFixed('journalctl', args, signal).catch((error: unknown) => {
      if (error instanceof ProbeError) return [];
      throw error;
    });
    if (lines.length > 0) return asSaid(lines);
  }
  const heard = sensor.find(JournalSense)?.lastLines(name, LINES) ?? [];
  if (heard.length > 0) return heard.map(({ ts, text }) => foreign(`${new Date(ts).toISOString()} ${text}`));
  const written = linesInSystemLog(root, name, LINES);
  if (written.length > 0) return written;
  throw new ProbeError('E_PROBE_ABSENT', `no line of ${name} in the journal or in ${join(root, 'var/log')}`);
};
