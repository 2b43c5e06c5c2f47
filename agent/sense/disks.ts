import { type StatsFs, statfsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { FillTrend } from './fill-trend.ts';
import { type LocalMount, type Mount, parseMounts } from './mounts.ts';
import type { ProcFiles } from './proc-files.ts';
import { labelled, percent, type Reading, type Sense } from './sense.ts';

/** A filesystem's fill as it was last seen. */
export interface Disk extends Mount {
  readonly total: number;
  readonly used: number;
  /** Zero where the filesystem makes inodes as it goes. */
  readonly inodes: number;
  readonly inodesUsed: number;
}

const MIB = 1_048_576;
/** Their answer comes from counters in memory, whatever their disk does: no thread needs to be put at risk for it. */
const NEVER_HANGS = new Set('ext2 ext3 ext4 xfs tmpfs f2fs vfat'.split(' '));
/** A disk that does not answer within this is reported as a gap; waiting longer would hold up every other sense. */
const ANSWER_WITHIN_MS = 1_000;

/**
 * Space and inodes of every mount that can fill up, how fast it fills and how long that can go on, and whether one
 * that could be written no longer can: what the kernel does to a filesystem on a failing disk.
 */
export class DisksSense implements Sense {
  readonly name = 'disks';
  readonly #proc: ProcFiles;
  /** Mounts whose last question is still open: asking again would use up the threads of the pool. */
  readonly #hanging = new Set<string>();
  #disks: readonly Disk[] = [];
  /** What was behind each path when it could be written. */
  #written = new Map<string, string>();
  #mountinfo = '';
  #mounts: readonly LocalMount[] = [];
  #trends = new Map<string, FillTrend>();

  constructor(proc: ProcFiles) {
    this.#proc = proc;
  }

  /** What the last sample saw. */
  disks(): readonly Disk[] {
    return this.#disks;
  }

  close(): void {
    this.#disks = [];
    this.#written = new Map();
    this.#trends = new Map();
  }

  async sample(now: number): Promise<Reading[]> {
    const mounts = this.#watched();
    const asked = mounts.map((mount) => (NEVER_HANGS.has(mount.type) ? askNow(mount) : this.#ask(mount)));
    const disks = await Promise.all(asked);
    this.#disks = disks.filter((disk) => disk !== null);
    const trends = new Map<string, FillTrend>();
    const readings = mounts.flatMap((mount, i) => {
      const trend = this.#trends.get(mount.path) ?? new FillTrend();
      trends.set(mount.path, trend);
      return this.#tell(mount, disks[i] ?? null, trend, now);
    });
    this.#trends = trends;
    return readings;
  }

  /** Mounts that can be written, and those that could be while we looked. */
  #watched(): LocalMount[] {
    const written = new Map<string, string>();
    const mountinfo = this.#proc.text('self/mountinfo');
    // Mounts hardly ever change, and reading the list is cheaper than understanding it.
    if (mountinfo !== this.#mountinfo) {
      this.#mountinfo = mountinfo;
      this.#mounts = parseMounts(mountinfo);
    }
    const watched = this.#mounts.filter(({ path, device, writable }) => {
      if (!writable && this.#written.get(path) !== device) return false;
      written.set(path, device);
      return true;
    });
    this.#written = written;
    return watched;
  }

  #tell(mount: LocalMount, disk: Disk | null, trend: FillTrend, now: number): Reading[] {
    const { path, writable } = mount;
    if (disk !== null) trend.see(now, disk.used);
    const known = <T>(of: (disk: Disk) => T): T | null => (disk === null ? null : of(disk));
    const growth = known(({ used }) => trend.perHour(now, used));
    const left = known(({ used, total }) => trend.hoursLeft(now, used, total - used));
    const inodes = known((one) => percent(one.inodesUsed, one.inodes));
    return [
      {
        name: labelled('disk.used_percent', path),
        unit: '%',
        scale: 0.01,
        value: known(({ used, total }) => percent(used, total)),
      },
      ...(disk?.inodes === 0
        ? []
        : [{ name: labelled('disk.inodes_percent', path), unit: '%', scale: 0.01, value: inodes }]),
      {
        name: labelled('disk.growth_mib_per_h', path),
        unit: 'MiB/h',
        scale: 1,
        learn: false,
        value: growth === null ? null : growth / MIB,
      },
      { name: labelled('disk.hours_left', path), unit: 'h', scale: 0.1, learn: false, value: left },
      { name: labelled('disk.read_only', path), unit: '', scale: 1, learn: false, value: writable ? 0 : 1 },
    ];
  }

  async #ask(mount: Mount): Promise<Disk | null> {
    if (this.#hanging.has(mount.path)) return null;
    this.#hanging.add(mount.path);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(resolve, ANSWER_WITHIN_MS, null);
    });
    const answer = statfs(mount.path)
      .then(
        (fs) => described(mount, fs),
        () => null,
      )
      .finally(() => this.#hanging.delete(mount.path));
    const disk = await Promise.race([answer, late]);
    clearTimeout(timer);
    return disk;
  }
}

function askNow(mount: Mount): Disk | null {
  try {
    return described(mount, statfsSync(mount.path));
  } catch {
    return null;
  }
}

/** The reserve of the superuser counts as used on both sides, as df does: 100 % is when services fail to write. */
const described = (mount: Mount, fs: StatsFs): Disk => ({
  path: mount.path,
  type: mount.type,
  device: mount.device,
  total: (fs.blocks - fs.bfree + fs.bavail) * fs.bsize,
  used: (fs.blocks - fs.bfree) * fs.bsize,
  inodes: fs.files,
  inodesUsed: fs.files - fs.ffree,
});
