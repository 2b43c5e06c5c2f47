import { type Limit, SAMPLES } from '../limit.ts';

/** One sample is enough for what happened once: the kernel does not say it twice. */
const ONCE = { samples: 1, ms: 0 } as const;

/** What the host's log and the declared logs say. */
export const LOG_LIMITS: readonly Limit[] = [
  {
    ...{ signal: 'unit.failed', metric: 'unit.failed', what: 'the unit % in the state failed', at: 1, ...ONCE },
    severity: 'warning',
    why: 'systemd has given it up: nothing starts it again but a person',
  },
  {
    ...{
      signal: 'unit.restarts',
      metric: 'unit.restarts',
      what: 'restarts of the unit % in five minutes',
      at: 5,
      ...ONCE,
    },
    severity: 'warning',
    critical: 20,
    why: 'as many as systemd takes for a loop by default; what restarts so often does no work',
  },
  {
    ...{ signal: 'kernel.oom', metric: 'kernel.oom_kills', what: 'kills of % for want of memory', at: 1, ...ONCE },
    severity: 'critical',
    why: 'the kernel chose this process to die so that others could go on',
  },
  {
    ...{ signal: 'kernel.disk', metric: 'kernel.disk_errors', what: 'disk errors of %', at: 1, ...ONCE },
    severity: 'warning',
    critical: 10,
    why: 'a device that gave one error gives more, and data is lost with it',
  },
  {
    ...{
      signal: 'kernel.readonly',
      metric: 'kernel.readonly_remounts',
      what: 'read-only remounts of %',
      at: 1,
      ...ONCE,
    },
    severity: 'critical',
    why: 'the file system found itself damaged and takes no more writes',
  },
  {
    ...{ signal: 'kernel.link', metric: 'kernel.link_downs', what: 'losses of the link %', at: 1, ...ONCE },
    severity: 'warning',
    why: 'a cable, a port or the other side has gone',
  },
  {
    ...{ signal: 'kernel.hang', metric: 'kernel.hung_tasks', what: 'reports of % as hung', at: 1, ...ONCE },
    severity: 'warning',
    why: 'two minutes without progress in the kernel: most often storage that does not answer',
  },
  {
    ...{
      signal: 'kernel.hardware',
      metric: 'kernel.hardware_errors',
      what: 'hardware errors of the %',
      at: 1,
      ...ONCE,
    },
    severity: 'warning',
    critical: 10,
    why: 'the machine itself reports a fault; corrected ones come before uncorrected ones',
  },
  {
    ...{ signal: 'kernel.crash', metric: 'kernel.crashes', what: 'crashes of %', at: 3, ...ONCE },
    severity: 'warning',
    why: 'one crash is for its unit to recover from; three in ten minutes are a fault that stays',
  },
  {
    ...{ signal: 'kernel.bug', metric: 'kernel.bugs', what: 'faults of the % itself', at: 1, ...ONCE },
    severity: 'critical',
    why: 'after an oops the kernel goes on with what may be damaged',
  },
  {
    ...{ signal: 'kernel.table', metric: 'kernel.tables_full', what: 'overflows of the % table', at: 1, ...ONCE },
    severity: 'warning',
    why: 'the kernel drops packets of connections that it has no room to remember',
  },
  {
    ...{ signal: 'journal.errors', metric: 'journal.errors_per_minute', what: "error lines in the host's log" },
    ...{ at: 600, samples: SAMPLES, ms: 60_000, severity: 'warning' },
    why: 'ten a second for a minute: something fails, and tries again without a pause',
  },
  {
    ...{ signal: 'journal.flood', metric: 'journal.lines_per_minute', what: "lines in the host's log" },
    ...{ at: 60_000, samples: SAMPLES, ms: 30_000, severity: 'warning' },
    why: 'a thousand a second push everything else out of a log of bounded size',
  },
  {
    ...{ signal: 'log.errors', metric: 'log.errors_per_minute', what: 'error lines in the log %', at: 'declared' },
    ...{ samples: SAMPLES, ms: 0, severity: 'warning' },
    why: 'the site declared this budget',
  },
  {
    ...{ signal: 'log.flood', metric: 'log.lines_per_minute', what: 'lines in the log %', at: 'declared' },
    ...{ samples: SAMPLES, ms: 0, severity: 'warning' },
    why: 'the site declared this budget',
  },
  {
    ...{ signal: 'log.new_error', metric: 'log.new_errors', what: 'new kinds of error in the log %', at: 1, ...ONCE },
    severity: 'warning',
    why: 'an error that was never seen while the log was learned, and keeps coming',
  },
  {
    ...{
      signal: 'log.new_template',
      metric: 'log.new_templates',
      what: 'new kinds of line in the log %',
      at: 1,
      ...ONCE,
    },
    severity: 'info',
    why: 'a program began to say what it never said: most often an update, so it is told and no more',
  },
];
