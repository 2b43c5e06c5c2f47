import { statfs } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { readMounts } from '../sense/mounts.ts';
import type { ProcFiles } from '../sense/proc-files.ts';
import { foreign, mib, type Probe, ProbeError, plain } from './probe.ts';

const SHOWN = 40;
const BETWEEN_MS = 1_000;

/** What can fill up, with its space and inodes; and what is mounted read-only, by the kernel's own list. */
export const mountTable: Probe = async (_, { sensor: { proc } }) => {
  const mounts = readMounts(proc);
  const sizes = await Promise.all(
    mounts.map(async ({ path, type, device }) => {
      const use = await statfs(path).catch(() => null);
      if (use === null) return foreign(`${path} (${type} on ${device}): does not answer`);
      const percent = (part: number, whole: number) => (whole > 0 ? `${Math.round((100 * part) / whole)} %` : '-');
      const used = use.blocks - use.bfree;
      const space = `${mib(used * use.bsize)} of ${mib(use.blocks * use.bsize)}, ${percent(used, used + use.bavail)}`;
      return foreign(`${path} (${type} on ${device}): ${space}; inodes ${percent(use.files - use.ffree, use.files)}`);
    }),
  );
  const closed = proc
    .text('self/mountinfo')
    .split('\n')
    .flatMap((line) => {
      const [left = '', right = ''] = line.split(' - ', 2);
      const [, , , , point = '', options = ''] = left.split(' ');
      const [type = '', , superOptions = ''] = right.split(' ');
      // A disk that the kernel has made read-only after an error is read-only as a whole.
      return /^(?:ext[234]|xfs|btrfs|f2fs|vfat)$/.test(type) && /^ro(?:,|$)/.test(superOptions)
        ? [foreign(`${point} (${type}) is read-only: ${options}`)]
        : [];
    });
  return [...closed, ...sizes].slice(0, SHOWN);
};

interface Counters {
  readonly reads: number;
  readonly writes: number;
  readonly busy: number;
  readonly readSectors: number;
  readonly writtenSectors: number;
  readonly waited: number;
}

/** How busy each disk is over one second, and how long a request takes. */
export const diskIo: Probe = async (_, { sensor: { proc }, signal }) => {
  const before = readCounters(proc);
  const began = performance.now();
  await sleep(BETWEEN_MS, undefined, { signal });
  const ms = performance.now() - began;
  const lines = [...readCounters(proc)].flatMap(([name, now]) => {
    const was = before.get(name);
    if (was === undefined || (now.reads === 0 && now.writes === 0)) return [];
    const requests = now.reads - was.reads + (now.writes - was.writes);
    const wait = requests > 0 ? `, ${((now.waited - was.waited) / requests).toFixed(1)} ms a request` : '';
    const rate = (sectors: number) => `${((sectors * 512 * 1_000) / ms / 1_048_576).toFixed(1)} MiB/s`;
    const busy = Math.min(100, Math.round((100 * (now.busy - was.busy)) / ms));
    const read = rate(now.readSectors - was.readSectors);
    const written = rate(now.writtenSectors - was.writtenSectors);
    return [{ busy, line: plain(`${name}: busy ${busy} %, read ${read}, written ${written}${wait}`) }];
  });
  if (lines.length === 0) throw new ProbeError('E_PROBE_ABSENT', 'the kernel counts no disk here');
  return lines
    .sort((a, b) => b.busy - a.busy)
    .slice(0, SHOWN)
    .map(({ line }) => line);
};

/** /proc/diskstats without partitions' parts and loop devices (Documentation/admin-guide/iostats.rst). */
function readCounters(proc: ProcFiles): Map<string, Counters> {
  const found = new Map<string, Counters>();
  for (const line of proc.text('diskstats').split('\n')) {
    const [, , name = '', ...rest] = line.trim().split(/\s+/);
    const [reads = 0, , readSectors = 0, readMs = 0, writes = 0, , writtenSectors = 0, writeMs = 0, , busy = 0] =
      rest.map(Number);
    if (/^(?:loop|ram|zram|sr)\d/.test(name) || !/^[\w!-]{1,32}$/.test(name)) continue;
    found.set(name, { reads, writes, busy, readSectors, writtenSectors, waited: readMs + writeMs });
  }
  return found;
}
