import { type Limit, SAMPLES } from '../limit.ts';

/** Filesystems. */
export const DISK_LIMITS: readonly Limit[] = [
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
];
