import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { BOUNDS, type CageBounds, type Overrun } from './bounds.ts';
import type { Cage, Cages } from './cage.ts';
import { rlimitPrefix } from './rlimits.ts';
import { exceeded } from './usage.ts';

/** Groups that could not be removed since something still runs in them; looked at again when the next one is made. */
const KEPT_MAX = 64;
/** How the groups begin that we make for what we run. */
const RUN = 'sentinel-run-';

/**
 * Cages that are cgroup v2 groups below this process's own (kernel documentation, cgroup-v2): nothing forks out of
 * one, and `cgroup.kill` ends all of it at once. Where the memory and pids controllers are ours the kernel holds the
 * bounds itself; where they are not, the group is watched. Null where no group may be made here.
 *
 * A group is only made where it is ours to make: delegated to a service or an ordinary user, or on a host without a
 * systemd, whose tree it would be.
 */
export function openCgroups(delegated: boolean, bounds: CageBounds = BOUNDS): Cages | null {
  const own = ownGroup(readOr('/proc/self/mountinfo'), readOr('/proc/self/cgroup'));
  if (own === null || (!delegated && process.geteuid?.() === 0 && existsSync('/run/systemd/system'))) return null;
  try {
    accessSync(own, constants.W_OK);
    rmdirSync(makeGroup(own));
  } catch {
    return null;
  }
  const { home, controlled } = takeControllers(own);
  sweep(own);
  const kept: Group[] = [];
  return {
    kind: controlled ? 'cgroup with memory and pids' : 'cgroup, watched',
    left: () => kept.reduce((sum, group) => sum + group.count(), 0),
    make() {
      for (const group of kept.splice(0)) if (!group.remove() && kept.length < KEPT_MAX) kept.push(group);
      const folder = makeGroup(own);
      if (controlled) {
        writeFileSync(join(folder, 'pids.max'), String(bounds.processes));
        writeFileSync(join(folder, 'memory.max'), String(bounds.memory));
        // Swap would only make a hog slower to end; a host without swap accounting has no such file.
        if (existsSync(join(folder, 'memory.swap.max'))) writeFileSync(join(folder, 'memory.swap.max'), '0');
      }
      return new Group({ folder, home, controlled, bounds, keep: (group) => kept.push(group) });
    },
  };
}

/** The folder of this process's own group in the cgroup v2 tree, or null. */
export function ownGroup(mountinfo: string, cgroups: string): string | null {
  const path = /^0::(\/.*)$/m.exec(cgroups)?.[1];
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ', 2);
    const [, , , root = '', at = ''] = before.split(' ');
    if (!after.startsWith('cgroup2 ') || path === undefined || !`${path}/`.startsWith(root === '/' ? '/' : `${root}/`))
      continue;
    const below = root === '/' ? path : path.slice(root.length);
    return below === '/' ? at : join(at, below);
  }
  return null;
}

/**
 * A group of a name that none ever had: a process killed with -9 leaves its groups behind, and the next one may well
 * have its pid (in a container every start has the same).
 */
const makeGroup = (own: string): string => {
  const folder = join(own, `${RUN}${process.pid}-${randomBytes(6).toString('hex')}`);
  mkdirSync(folder);
  return folder;
};

/** Removes what processes that have ended left behind; the kernel keeps a group in which something still runs. */
function sweep(own: string): void {
  for (const name of readdirSync(own)) {
    const pid = Number(new RegExp(`^${RUN}(\\d+)-`).exec(name)?.[1]);
    if (!(pid > 0) || (pid !== process.pid && existsSync(`/proc/${pid}`))) continue;
    try {
      rmdirSync(join(own, name));
    } catch {
      // Something still runs in it.
    }
  }
}

/**
 * Takes the memory and pids controllers for groups below ours. A group that has controllers for others may hold no
 * process itself, so we move into one of our own first. `home` is where we are at the end.
 */
function takeControllers(own: string): { readonly home: string; readonly controlled: boolean } {
  const there = readOr(join(own, 'cgroup.controllers')).trim().split(' ');
  if (!['memory', 'pids'].every((one) => there.includes(one))) return { home: own, controlled: false };
  const inner = join(own, 'sentinel-self');
  try {
    if (!existsSync(inner)) mkdirSync(inner);
    writeFileSync(join(inner, 'cgroup.procs'), String(process.pid));
    writeFileSync(join(own, 'cgroup.subtree_control'), '+memory +pids');
    return { home: inner, controlled: true };
  } catch {
    // Someone else's process is in it, or the controllers are not ours: the groups are watched instead.
    const home = readOr(join(inner, 'cgroup.procs')).split('\n').includes(String(process.pid)) ? inner : own;
    return { home, controlled: false };
  }
}

interface GroupOptions {
  readonly folder: string;
  /** The group that we are in when nothing is being started. */
  readonly home: string;
  /** The kernel holds the bounds. */
  readonly controlled: boolean;
  readonly bounds: CageBounds;
  /** Takes a group that could not be removed yet. */
  readonly keep: (group: Group) => void;
}

class Group implements Cage {
  readonly prefix: readonly string[];
  private readonly options: GroupOptions;

  constructor(options: GroupOptions) {
    this.options = options;
    this.prefix = options.controlled ? [] : rlimitPrefix(options.bounds);
  }

  /**
   * A child is born in its parent's group, so we are in it ourselves for the moment of the fork: moved in after it, a
   * quick child could have left others outside.
   */
  start<T>(spawn: () => T): T {
    writeFileSync(join(this.options.folder, 'cgroup.procs'), String(process.pid));
    try {
      return spawn();
    } finally {
      writeFileSync(join(this.options.home, 'cgroup.procs'), String(process.pid));
    }
  }

  started(): void {
    // The kernel knows.
  }

  overrun(): Overrun | null {
    if (!this.options.controlled) return exceeded(this.members(), this.options.bounds);
    if (this.happened('pids.events', 'max')) return 'E_LIMIT_PROCESSES';
    return this.happened('memory.events', 'oom_kill') ? 'E_LIMIT_MEMORY' : null;
  }

  terminate(): void {
    for (const pid of this.members()) signal(pid, 'SIGTERM');
  }

  kill(): void {
    const members = this.members();
    // Never while we are in it ourselves: we could not get out.
    if (members.includes(process.pid)) return;
    try {
      writeFileSync(join(this.options.folder, 'cgroup.kill'), '1');
    } catch {
      // Before Linux 5.14: what is forked meanwhile is found in the next round.
      for (let round = 0; round < 1_000; round++) {
        const left = this.members();
        if (left.length === 0) return;
        for (const pid of left) signal(pid, 'SIGKILL');
      }
    }
  }

  count(): number {
    return this.members().length;
  }

  close(): void {
    if (!this.remove()) this.options.keep(this);
  }

  /** False while something runs in it. */
  remove(): boolean {
    try {
      rmdirSync(this.options.folder);
      return true;
    } catch {
      return !existsSync(this.options.folder);
    }
  }

  private members(): number[] {
    return readOr(join(this.options.folder, 'cgroup.procs')).split('\n').filter(Boolean).map(Number);
  }

  private happened(file: string, event: string): boolean {
    const count = new RegExp(`^${event} (\\d+)$`, 'm').exec(readOr(join(this.options.folder, file)))?.[1];
    return Number(count ?? 0) > 0;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
