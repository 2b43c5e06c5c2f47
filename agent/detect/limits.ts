import type { Severity } from '../../broker/messages.ts';

/** When one metric means trouble. */
export interface Limit {
  /** What playbooks match on. */
  readonly signal: string;
  /** The metric's name without its label. */
  readonly metric: string;
  /** What the metric is, in a sentence; `%` stands for the label. */
  readonly what: string;
  /** At this value and above it is trouble; `declared` takes the site's budget, and is silent where there is none. */
  readonly at: number | 'declared';
  /** Trouble must last: for so many samples in a row, and for so long. */
  readonly samples: number;
  readonly ms: number;
  readonly severity: Severity;
  /** From this value on it is critical. */
  readonly critical?: number;
  /** Where the resource ends, in the metric's unit, so that the time until then can be told. */
  readonly full?: number;
  /** Why this limit. */
  readonly why: string;
}

/** A single sample is never an incident: a garbage collection or a backup's first second looks the same. */
const SAMPLES = 3;

export const LIMITS: readonly Limit[] = [
  {
    signal: 'host.memory',
    metric: 'memory.used_percent',
    what: 'memory in use',
    at: 92,
    samples: SAMPLES,
    ms: 0,
    severity: 'warning',
    critical: 97,
    full: 100,
    why: 'below 8 % available the kernel begins to drop the page cache that services read from',
  },
  {
    signal: 'host.swap',
    metric: 'swap.used_percent',
    what: 'swap in use',
    at: 80,
    samples: SAMPLES,
    ms: 0,
    severity: 'warning',
    critical: 95,
    full: 100,
    why: 'when swap is full the next request for memory is answered by the OOM killer',
  },
  {
    signal: 'host.cpu',
    metric: 'cpu.percent',
    what: 'processor time in use',
    at: 95,
    samples: SAMPLES,
    ms: 60_000,
    severity: 'warning',
    why: 'a build or a backup may use all cores for some seconds; a minute of it makes others wait',
  },
  {
    signal: 'host.load',
    metric: 'load.per_core',
    what: 'load per core',
    at: 4,
    samples: SAMPLES,
    ms: 60_000,
    severity: 'warning',
    critical: 10,
    why: 'four tasks wait for each core or for a disk',
  },
  {
    signal: 'disk.space',
    metric: 'disk.used_percent',
    what: 'space in use on %',
    at: 90,
    samples: SAMPLES,
    ms: 0,
    severity: 'warning',
    critical: 97,
    full: 100,
    why: 'most filesystems slow down and logs begin to be lost in the last tenth',
  },
  {
    signal: 'disk.inodes',
    metric: 'disk.inodes_percent',
    what: 'inodes in use on %',
    at: 90,
    samples: SAMPLES,
    ms: 0,
    severity: 'warning',
    critical: 97,
    full: 100,
    why: 'without a free inode no file can be made, whatever space is left',
  },
  {
    signal: 'net.errors',
    metric: 'network.errors_per_s',
    what: 'network errors',
    at: 10,
    samples: SAMPLES,
    ms: 10_000,
    severity: 'warning',
    why: 'a good link has none; ten a second is a bad cable, port or driver',
  },
  {
    signal: 'group.memory',
    metric: 'group.memory_mib',
    what: 'memory of the group %',
    at: 'declared',
    samples: SAMPLES,
    ms: 0,
    severity: 'warning',
    why: 'the site declared this budget',
  },
  {
    signal: 'group.cpu',
    metric: 'group.cpu_percent',
    what: 'processor time of the group %',
    at: 'declared',
    samples: 5,
    ms: 0,
    severity: 'warning',
    why: 'the site declared this budget; five samples, since work comes in bursts',
  },
  {
    signal: 'group.restarts',
    metric: 'group.restarts_per_minute',
    what: 'restarts in the group %',
    at: 'declared',
    samples: SAMPLES,
    ms: 0,
    severity: 'critical',
    why: 'the site declared this budget; what restarts all the time does no work',
  },
  {
    signal: 'folder.space',
    metric: 'folder.used_mib',
    what: 'space in use by the folder %',
    at: 'declared',
    samples: SAMPLES,
    ms: 0,
    severity: 'warning',
    why: 'the site declared this quota, and no filesystem enforces it',
  },
];

/** Back to normal is this share of the limit below it: a value that swings around the limit is one trouble, not many. */
export const HYSTERESIS = 0.05;
/** Samples in a row that must be back to normal. */
export const RECOVERY_SAMPLES = 3;
/** An anomaly that goes on is said again at most this often, so that a hub that missed it hears of it. */
export const REPEAT_MS = 60_000;
