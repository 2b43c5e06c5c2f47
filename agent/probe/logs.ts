import { existsSync } from 'node:fs';
import { asSaid, kernelLines } from '../host-logs.ts';
import { JournalSense } from '../sense/journal/journal.ts';
import { LogsSense } from '../sense/logs/logs.ts';
import { foreign, type Probe, ProbeError } from './probe.ts';
import { runFixed } from './run-fixed.ts';

const LINES = 60;
const PATTERNS = 24;

/** The kernel's last lines: from the journal where there is one, else as for a unit. */
export const kernelLog: Probe = async (_, { root, sensor, signal }) => {
  if (root === '/' && existsSync('/run/systemd/journal')) {
    const args = ['--dmesg', '--lines', String(LINES), '--output', 'short-iso', '--no-pager', '--quiet'];
    const lines = await runFixed('journalctl', args, signal).catch((error: unknown) => {
      if (error instanceof ProbeError) return [];
      throw error;
    });
    if (lines.length > 0) return asSaid(lines);
  }
  const heard = sensor.find(JournalSense)?.lastLines('kernel', LINES) ?? [];
  if (heard.length > 0) return heard.map(({ ts, text }) => foreign(`${new Date(ts).toISOString()} ${text}`));
  const written = kernelLines(root, LINES);
  if (written.length > 0) return written;
  throw new ProbeError('E_PROBE_ABSENT', 'the kernel’s lines are neither in a journal nor in a file that can be read');
};

/** Kinds of warning and error line that the host's log and the declared logs had, the most frequent first. */
export const logPatterns: Probe = (_, { sensor }) => {
  const seen = [
    ...(sensor.find(JournalSense)?.templates(PATTERNS) ?? []),
    ...(sensor.find(LogsSense)?.templates(null, PATTERNS) ?? []),
  ];
  if (seen.length === 0)
    throw new ProbeError('E_PROBE_ABSENT', 'no warning and no error was logged since this agent started');
  return seen
    .sort((a, b) => b.count - a.count)
    .slice(0, PATTERNS)
    .map(({ text, count, fresh, last }) => {
      const since = new Date(last).toISOString();
      return foreign(`${count} times${fresh ? ', new here' : ''}, last ${since}: ${text}`);
    });
};
