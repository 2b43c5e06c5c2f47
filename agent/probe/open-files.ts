import { statSync } from 'node:fs';
import { attempt, foreign, mib, type Probe, ProbeError, plain } from './probe.ts';

/** Descriptors of one process that are looked at, and links of all processes together: some 60 ms. */
const DESCRIPTORS = 4_096;
const LINKS = 20_000;
const SHOWN = 40;
/** Files that are none, after those that are. */
const PSEUDO = /^\/(?:proc|sys|dev)\//;

/** What a process has open, by kind, and its files with the number of times each is open. */
export const openFiles: Probe = ({ pid }, { sensor: { proc } }) => {
  const numbers = attempt(() => proc.list(`${pid}/fd`), null);
  if (numbers === null) throw new ProbeError('E_PROBE_CLOSED', `what process ${pid} has open is closed to this agent`);
  const kinds = new Map<string, number>();
  const files = new Map<string, number>();
  for (const number of numbers.slice(0, DESCRIPTORS)) {
    const target = proc.link(`${pid}/fd/${number}`) ?? 'gone';
    const kind = target.startsWith('/') ? 'file' : (/^[a-z_]{1,24}/.exec(target)?.[0] ?? 'other');
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    if (kind === 'file') files.set(target, (files.get(target) ?? 0) + 1);
  }
  const byCount = (all: Map<string, number>) => [...all].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return [
    plain(
      `${numbers.length} descriptors: ${byCount(kinds)
        .map(([kind, n]) => `${n} ${kind}`)
        .join(', ')}`,
    ),
    ...byCount(files)
      .sort(([a], [b]) => Number(PSEUDO.test(a)) - Number(PSEUDO.test(b)))
      .slice(0, SHOWN)
      .map(([path, n]) => foreign(`${n} times ${path}`)),
  ];
};

/** Files without a name that a process still has open: `df` counts them, `du` can't see them. */
export const deletedFiles: Probe = (_, { sensor: { proc, processes } }) => {
  const found = new Map<string, { size: number; pid: number; path: string }>();
  let left = LINKS;
  for (const { pid } of processes.top(Number.POSITIVE_INFINITY, (row) => row.rss)) {
    for (const number of attempt(() => proc.list(`${pid}/fd`), [])) {
      if (--left < 0) break;
      const path = proc.link(`${pid}/fd/${number}`);
      // Memory files and shared segments end so too, and take no disk.
      if (path === null || !path.endsWith(' (deleted)') || /^\/(?:memfd:|dev\/|SYSV|proc\/)/.test(path)) continue;
      const stat = attempt(() => statSync(proc.path(`${pid}/fd/${number}`)), null);
      if (stat === null || !stat.isFile() || stat.nlink > 0) continue;
      found.set(`${stat.dev}:${stat.ino}`, { size: stat.blocks * 512, pid, path: path.slice(0, -10) });
    }
  }
  const all = [...found.values()].sort((a, b) => b.size - a.size);
  const used = all.reduce((sum, { size }) => sum + size, 0);
  return [
    plain(`${all.length} deleted files are open and take ${mib(used)}${left < 0 ? ', looked at in part' : ''}`),
    ...all.slice(0, SHOWN).map(({ size, pid, path }) => foreign(`${mib(size)} by pid ${pid}: ${path}`)),
  ];
};
