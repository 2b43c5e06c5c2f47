import { readdirSync, readFileSync, statSync } from 'node:fs';
import { findBinary, RunError } from '../binaries.ts';
import type { CageBounds } from './bounds.ts';

/**
 * `prlimit` of util-linux with the bounds as its flags, to stand before a command's own words where no cgroup
 * controller holds them; empty where the host has none. It looks the bare name up in the same PATH and puts itself
 * in its place, so the command's argv stays what was vetted. The number of processes is counted by user, and for root
 * the kernel does not hold it (kernel/fork.c, INIT_USER): there the watch does.
 */
export function rlimitPrefix(bounds: CageBounds): readonly string[] {
  const wrapper = 'prlimit';
  try {
    findBinary(wrapper);
  } catch (error) {
    if (error instanceof RunError) return [];
    throw error;
  }
  const hard = hardLimits();
  const least = (name: string, value: number) => Math.min(value, hard.get(name) ?? value);
  const uid = process.geteuid?.() ?? 0;
  return [
    wrapper,
    '--core=0',
    `--data=${least('Max data size', bounds.memory)}`,
    ...(uid === 0 ? [] : [`--nproc=${least('Max processes', tasksOf(uid) + bounds.processes)}`]),
    '--',
  ];
}

/** Limits that we may not raise, by the names that /proc/self/limits has for them; `unlimited` is left out. */
function hardLimits(): ReadonlyMap<string, number> {
  const lines = readFileSync('/proc/self/limits', 'utf8').split('\n');
  return new Map(
    lines.flatMap((line) => {
      const [, name, hard] = /^(.{1,25}?)\s{2,}\S+\s+(\d+)\s/.exec(line) ?? [];
      return name === undefined ? [] : [[name, Number(hard)] as const];
    }),
  );
}

/** Threads that a user has now: they count against the limit too. */
function tasksOf(uid: number): number {
  let tasks = 0;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      if (statSync(`/proc/${pid}`).uid === uid) tasks += readdirSync(`/proc/${pid}/task`).length;
    } catch {
      // It has ended meanwhile.
    }
  }
  return tasks;
}
