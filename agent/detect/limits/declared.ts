import { type Limit, SAMPLES } from '../limit.ts';

/** Budgets and quotas of the site itself. */
export const DECLARED_LIMITS: readonly Limit[] = [
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
