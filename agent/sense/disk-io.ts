import type { ProcFiles } from './proc-files.ts';
import { percent, type Reading, type Sense } from './sense.ts';

interface Counters {
  readonly ios: number;
  /** Milliseconds that requests took, added up. */
  readonly waited: number;
  /** Milliseconds in which at least one request was under way. */
  readonly busy: number;
}

interface Line {
  readonly disk: string;
  readonly counters: Counters;
}

/** What a disk did since the sample before. */
export interface DiskIo {
  readonly disk: string;
  readonly busyPercent: number;
  /** Null where there were too few requests for a mean. */
  readonly awaitMs: number | null;
}

/** Not disks: memory, loops over files that are counted below, and optical drives. */
const NO_DISK = /^(?:ram|zram|loop|fd|sr|nbd)\d+$/;
/** A mean of fewer says how long one request took: a disk that woke up, and not one that is slow. */
const IOS_FOR_A_MEAN = 10;
/** A whole disk and its partitions count the same requests: partitions are left out. */
const PARTITION = /^(?:(?:sd|vd|xvd|hd)[a-z]+\d+|(?:nvme\d+n\d+|mmcblk\d+)p\d+)$/;
/** The first ones are the host's own; a storage server with more is looked at as far as this. */
const MAX_DISKS = 64;

/** The busiest disk's time in use, and the slowest one's time for a request. One file: /proc/diskstats. */
export class DiskIoSense implements Sense {
  readonly name = 'disk-io';
  readonly #proc: ProcFiles;
  #last: { readonly at: number; readonly disks: ReadonlyMap<string, Counters> } | undefined;
  #seen: readonly DiskIo[] = [];
  /** What each line of the last sample said; null for one that is no disk's. Most devices did nothing since. */
  #lines = new Map<string, Line | null>();

  constructor(proc: ProcFiles) {
    this.#proc = proc;
  }

  /** Each disk's last interval, the slowest first: who it is, for those who read an alert. */
  disks(): readonly DiskIo[] {
    return this.#seen;
  }

  sample(now: number): Reading[] {
    const disks = this.#parse(this.#proc.text('diskstats'));
    const last = this.#last;
    this.#last = { at: now, disks };
    const ms = now - (last?.at ?? now);
    this.#seen = [...disks]
      .flatMap(([disk, after]) => {
        const before = last?.disks.get(disk);
        return before === undefined ? [] : since(disk, before, after, ms);
      })
      .sort((a, b) => (b.awaitMs ?? 0) - (a.awaitMs ?? 0) || b.busyPercent - a.busyPercent);
    if (disks.size === 0) return [];
    const most = (of: (io: DiskIo) => number | null): number | null =>
      this.#seen.reduce<number | null>((high, io) => ((of(io) ?? -1) > (high ?? -1) ? of(io) : high), null);
    return [
      { name: 'disk.busy_percent', unit: '%', scale: 0.1, value: most((io) => io.busyPercent) },
      // No request, no wait: a gap here would read as a fault.
      {
        name: 'disk.await_ms',
        unit: 'ms',
        scale: 0.1,
        value: last === undefined ? null : (most((io) => io.awaitMs) ?? 0),
      },
    ];
  }

  #parse(diskstats: string): Map<string, Counters> {
    const lines = new Map<string, Line | null>();
    const disks = new Map<string, Counters>();
    for (const text of diskstats.split('\n')) {
      const known = this.#lines.get(text);
      const line = known === undefined ? parse(text) : known;
      lines.set(text, line);
      if (line !== null && disks.size < MAX_DISKS) disks.set(line.disk, line.counters);
    }
    this.#lines = lines;
    return disks;
  }
}

function since(disk: string, before: Counters, after: Counters, ms: number): DiskIo[] {
  const ios = after.ios - before.ios;
  const waited = after.waited - before.waited;
  const busyPercent = percent(after.busy - before.busy, ms);
  // A counter that went back is a disk that was taken out, or 32 bits that ran over.
  if (ios < 0 || waited < 0 || after.busy < before.busy || busyPercent === null) return [];
  return [{ disk, busyPercent, awaitMs: ios < IOS_FOR_A_MEAN ? null : waited / ios }];
}

/** major minor name, then reads merged sectors ms, writes merged sectors ms, in flight, ms busy, weighted ms ... */
function parse(line: string): Line | null {
  const [, , disk = '', ...fields] = line.split(' ').filter((word) => word !== '');
  if (disk === '' || NO_DISK.test(disk) || PARTITION.test(disk)) return null;
  const [
    reads = Number.NaN,
    ,
    ,
    readMs = Number.NaN,
    writes = Number.NaN,
    ,
    ,
    writeMs = Number.NaN,
    ,
    busy = Number.NaN,
  ] = fields.map(Number);
  const counters = { ios: reads + writes, waited: readMs + writeMs, busy };
  return Object.values(counters).every(Number.isFinite) ? { disk, counters } : null;
}
