import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where a memory group of our own may stand: version 1 of control groups, then version 2. */
const PARENTS = ['/sys/fs/cgroup/memory', '/sys/fs/cgroup'] as const;
const NAME = 'sentinel-oom-kill';
const LIMITS = ['memory.limit_in_bytes', 'memory.max'] as const;

/** Makes a control group with a bound on its memory, in bytes; null where this host lets us have none. */
export function makeOomGroup(bytes: number): string | null {
  for (const parent of PARENTS) {
    const group = join(parent, NAME);
    try {
      mkdirSync(group, { recursive: true });
      const limit = LIMITS.map((name) => join(group, name)).find(existsSync);
      if (limit !== undefined) {
        writeFileSync(limit, String(bytes));
        return group;
      }
      rmdirSync(group);
    } catch {
      // Not here, or not ours to make.
    }
  }
  return null;
}

/** Takes it away; it goes only when nothing runs in it any more. */
export function removeOomGroup(): void {
  for (const parent of PARENTS) {
    try {
      rmdirSync(join(parent, NAME));
    } catch {
      // It is not there.
    }
  }
}
