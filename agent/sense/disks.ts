import { statfs } from 'node:fs/promises';
import { type Mount, readMounts } from './mounts.ts';
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

/** A disk that does not answer within this is reported as a gap; waiting longer would hold up every other sense. */
const ANSWER_WITHIN_MS = 1_000;

/** Space and inodes of every mount that can fill up. */
export class DisksSense implements Sense {
  readonly name = 'disks';
  readonly #proc: ProcFiles;
  /** Mounts whose last question is still open: asking again would use up the threads of the pool. */
  readonly #hanging = new Set<string>();
  #disks: readonly Disk[] = [];

  constructor(proc: ProcFiles) {
    this.#proc = proc;
  }

  /** What the last sample saw. */
  disks(): readonly Disk[] {
    return this.#disks;
  }

  close(): void {
    this.#disks = [];
  }

  async sample(): Promise<Reading[]> {
    const mounts = readMounts(this.#proc);
    const asked = await Promise.all(mounts.map(async (mount) => ({ mount, disk: await this.#ask(mount) })));
    this.#disks = asked.flatMap(({ disk }) => (disk === null ? [] : [disk]));
    return asked.flatMap(({ mount, disk }) => {
      const space: Reading = {
        name: labelled('disk.used_percent', mount.path),
        unit: '%',
        scale: 0.01,
        value: disk === null ? null : percent(disk.used, disk.total),
      };
      if (disk !== null && disk.inodes === 0) return [space];
      return [
        space,
        {
          name: labelled('disk.inodes_percent', mount.path),
          unit: '%',
          scale: 0.01,
          value: disk === null ? null : percent(disk.inodesUsed, disk.inodes),
        },
      ];
    });
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
        // The reserve of the superuser counts as used on both sides, as df does: 100 % is when services fail to write.
        (fs) => ({
          ...mount,
          total: (fs.blocks - fs.bfree + fs.bavail) * fs.bsize,
          used: (fs.blocks - fs.bfree) * fs.bsize,
          inodes: fs.files,
          inodesUsed: fs.files - fs.ffree,
        }),
        () => null,
      )
      .finally(() => this.#hanging.delete(mount.path));
    const disk = await Promise.race([answer, late]);
    clearTimeout(timer);
    return disk;
  }
}
