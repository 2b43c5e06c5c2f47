import type { Evidence } from '../evidence/evidence.ts';
import { figuresOf, itemAbout, labelledProcess, logIds, metricItem, mountFigures } from '../evidence/find.ts';
import { duration, mib, number, plainName } from '../evidence/words.ts';
import type { Claim } from '../incident.ts';
import { recentChange } from './rules-change.ts';

/**
 * What one codified check found. It never chooses a command: log lines may be written by anyone, so a check can only
 * make the first answer more or less believed and name another cause beside it.
 */
export interface Finding extends Claim {
  readonly check: string;
  /** What it does to the confidence in the playbook's own cause: -1 against it .. 1 for it. */
  readonly weight: number;
  /** Another cause, in one short sentence, when the check points to one. */
  readonly instead?: string;
}

type Check = (evidence: Evidence) => Finding | null;

const MEMORY_SIGNALS = new Set(['group.memory', 'host.memory', 'host.swap']);
const CPU_SIGNALS = new Set(['group.cpu', 'host.cpu', 'host.load']);
const DISK_SIGNALS = new Set(['disk.space', 'folder.space', 'disk.inodes']);

/** Growth within the watched window below which memory counts as flat, and above which it counts as growing. */
const FLAT = 0.005;
const GROWING = 0.03;
/** Percent of blocks or inodes above which a file system counts as full, and below which it has plenty. */
const FULL = 95;
const PLENTY = 85;
const YOUNG_S = 300;

/** Blocks free, and still "no space left on device": the file system is out of inodes. */
const outOfInodes: Check = (evidence) => {
  const lines = logIds(evidence, /no space left on device|enospc/i);
  const full = mountFigures(evidence).find((one) => one.used < PLENTY && (one.inodesUsed ?? 0) >= FULL);
  if (full === undefined || (lines.length === 0 && evidence.event.signal !== 'disk.inodes')) return null;
  const { path } = full.mount;
  return {
    check: 'out-of-inodes',
    claim: `${path} has blocks free (${number(full.used)} % used) but ${number(full.inodesUsed ?? 0)} % of its inodes are taken`,
    evidence: [full.item.id, ...lines],
    ...(evidence.event.signal === 'disk.inodes'
      ? { weight: 1 }
      : { weight: -1, instead: `${path} is out of inodes, not out of space: very many small files` }),
  };
};

/** "No space left" while neither blocks nor inodes are full: a quota, reserved blocks or a deleted file held open. */
const spaceHidden: Check = (evidence) => {
  const lines = logIds(evidence, /no space left on device|enospc|quota exceeded/i);
  const mounts = mountFigures(evidence);
  const roomy = mounts.every((one) => one.used < PLENTY && (one.inodesUsed ?? 0) < PLENTY);
  if (lines.length === 0 || mounts.length === 0 || !roomy) return null;
  return {
    check: 'space-hidden',
    claim: 'Writes fail for want of space although every file system shown has blocks and inodes free',
    evidence: [...lines, ...mounts.slice(0, 3).map((one) => one.item.id)],
    weight: -0.5,
    instead: 'a quota, reserved blocks, or a limit inside a container, rather than a full disk',
  };
};

/** High memory that does not grow is a need, not a leak. */
const steadyMemory: Check = (evidence) => {
  const { found, item } = memoryCulprit(evidence);
  if (found?.growth === undefined || item === undefined || found.rss <= 0) return null;
  const part = found.growth / found.rss;
  if (part > FLAT) return null;
  return {
    check: 'steady-memory',
    claim: `${plainName(found.process.comm)} holds ${mib(found.rss)} but did not grow while it was watched`,
    evidence: [item.id],
    weight: -0.6,
    instead: 'a steady need that is larger than its budget (a cache at its size, a larger load), not a leak',
  };
};

/** Memory that grows while it is watched is a leak or a queue without a limit. */
const growingMemory: Check = (evidence) => {
  const { found, item } = memoryCulprit(evidence);
  if (found?.growth === undefined || item === undefined || found.growth < found.rss * GROWING) return null;
  return {
    check: 'growing-memory',
    claim: `${plainName(found.process.comm)} grew by ${mib(found.growth)} to ${mib(found.rss)} while it was watched: a leak or a queue without a limit`,
    evidence: [item.id],
    weight: 1,
  };
};

/** Several processes of one size: ending one of them would not help. */
const sharedLoad: Check = (evidence) => {
  const cpu = CPU_SIGNALS.has(evidence.event.signal);
  if (!evidence.event.signal.startsWith('host.') || (!cpu && !MEMORY_SIGNALS.has(evidence.event.signal))) return null;
  const list = (cpu ? evidence.snapshot?.top_cpu : evidence.snapshot?.top_mem) ?? [];
  const amounts = list.map((one) => (cpu ? one.cpu : one.rss)).sort((a, b) => b - a);
  const [first = 0, second = 0] = amounts;
  if (first <= 0 || second * 2 <= first) return null;
  const largest = list.filter((one) => (cpu ? one.cpu : one.rss) * 2 > first);
  if (new Set(largest.map((one) => `${one.user} ${one.process.comm}`)).size === 1) return null;
  const ids = evidence.items.filter((item) => item.kind === 'process').slice(0, 3);
  return {
    check: 'shared-load',
    claim: 'No single process stands out: the two largest are of the same size',
    evidence: ids.map((item) => item.id),
    weight: -0.6,
    instead: `many processes share the ${cpu ? 'CPU load' : 'memory'}: more work than the host is made for`,
  };
};

/** The kernel already ended something for want of memory. */
const outOfMemoryKill: Check = (evidence) => {
  const lines = logIds(evidence, /out of memory|oom-?kill|oom_reaper|killed process \d+|memory cgroup out of/i);
  if (lines.length === 0) return null;
  const memory = MEMORY_SIGNALS.has(evidence.event.signal);
  return {
    check: 'out-of-memory-kill',
    claim: 'The log shows that the kernel ended a process for want of memory',
    evidence: lines,
    ...(memory
      ? { weight: 0.6 }
      : { weight: -0.4, instead: 'the process is killed for want of memory, not by its own fault' }),
  };
};

/** Load counts waiting too: a long queue with idle processors waits for a disk or a network share. */
const waitingNotWorking: Check = (evidence) => {
  if (evidence.event.signal !== 'host.load') return null;
  const list = evidence.snapshot?.top_cpu ?? [];
  const busy = list.reduce((sum, one) => sum + one.cpu, 0);
  const ids = evidence.items.filter((item) => item.kind === 'process').slice(0, 2);
  const metric = metricItem(evidence);
  if (list.length === 0 || ids.length === 0 || metric === undefined || busy >= 50) return null;
  return {
    check: 'waiting-not-working',
    claim: `The load is high while the busiest processes together use only ${number(busy)} % of one CPU`,
    evidence: [metric.id, ...ids.map((item) => item.id)],
    weight: -0.8,
    instead: 'processes wait for a slow disk or network share; the processors are idle',
  };
};

/** Backups and package runs are busy on purpose, and end by themselves. */
const batchJob: Check = (evidence) => {
  if (!CPU_SIGNALS.has(evidence.event.signal)) return null;
  const entity = labelledProcess(evidence, 'culprit') ?? labelledProcess(evidence, 'top_cpu');
  const found = entity && figuresOf(evidence, entity);
  const item = entity && itemAbout(evidence, entity);
  const batch =
    /^(?:rsync|borg|restic|tar|gzip|pigz|xz|zstd|apt|apt-get|dpkg|dnf|yum|updatedb|mandb|pg_dump|mysqldump|ansible.*)$/;
  if (found === undefined || item === undefined || !batch.test(found.process.comm)) return null;
  return {
    check: 'batch-job',
    claim: `${plainName(found.process.comm)} is a batch job that is busy on purpose and ends by itself`,
    evidence: [item.id],
    weight: -0.6,
    instead: 'a planned job (backup, package run) that may be left to finish',
  };
};

/** A worker that can't get its port dies at every start. */
const portTaken: Check = (evidence) =>
  fromLog(evidence, /address already in use|eaddrinuse|bind\(\).{0,40}failed/i, {
    check: 'port-taken',
    claim: 'A process could not take its port because another one holds it',
    instead: 'another process holds the port that the worker needs',
  });

/** A file or a setting that is missing or wrong does not heal by restarting. */
const badStart: Check = (evidence) =>
  fromLog(
    evidence,
    /no such file or directory|permission denied|invalid (?:config|option|argument)|unknown directive|parse error|syntax error|module ?not ?found|cannot open shared object/i,
    {
      check: 'bad-start',
      claim: 'The worker fails on a file, a right or a setting that is missing or wrong at every start',
      instead: 'a missing file, a missing right or a wrong setting, most likely from the last change',
    },
  );

/** A file system that turned read-only is a failing disk, not a full one. */
const readOnly: Check = (evidence) => {
  const lines = logIds(evidence, /read-only file ?system|remount(?:ing|ed).{0,20}read-only|i\/o error|buffer i\/o/i);
  if (lines.length === 0) return null;
  return {
    check: 'read-only',
    claim: 'The log shows a file system that turned read-only, or a disk that fails to read or write',
    evidence: lines,
    weight: DISK_SIGNALS.has(evidence.event.signal) ? -0.6 : -0.3,
    instead: 'a failing disk or a file system that was remounted read-only',
  };
};

/** Files on a tmpfs are memory. */
const tmpfsFull: Check = (evidence) => {
  const full = mountFigures(evidence).find((one) => one.mount.type === 'tmpfs' && one.used >= 90);
  if (full === undefined || full.mount.total < 1_048_576) return null;
  const subject = evidence.entities.some((one) => one.value === full.mount.path && one.labels.includes('subject'));
  if (!subject && !MEMORY_SIGNALS.has(evidence.event.signal)) return null;
  return {
    check: 'tmpfs-full',
    claim: `${full.mount.path} is a tmpfs and holds ${mib(full.mount.used)} of files in memory`,
    evidence: [full.item.id],
    ...(subject
      ? { weight: 0.2 }
      : { weight: -0.4, instead: `files on ${full.mount.path} fill the memory, not a process` }),
  };
};

/** Too many open files: a leak of descriptors shows as errors of every other kind. */
const descriptorLeak: Check = (evidence) => {
  const lines = logIds(evidence, /too many open files|emfile|enfile/i);
  const entity = labelledProcess(evidence, 'top_fds');
  const found = entity && figuresOf(evidence, entity);
  const item = entity && itemAbout(evidence, entity);
  if (lines.length === 0 || found?.fds === undefined || item === undefined) return null;
  return {
    check: 'descriptor-leak',
    claim: `${plainName(found.process.comm)} holds ${found.fds} open files and the log says that there are too many`,
    evidence: [item.id, ...lines],
    weight: -0.4,
    instead: `${plainName(found.process.comm)} (pid ${found.process.pid}) leaks open files`,
  };
};

/** A process that has only just started may still be warming up; it also names the moment when the trouble began. */
const justStarted: Check = (evidence) => {
  const { found, item } = memoryCulprit(evidence);
  if (found?.age_s === undefined || item === undefined || found.age_s > YOUNG_S) return null;
  return {
    check: 'just-started',
    claim: `${plainName(found.process.comm)} was started only ${duration(found.age_s)} ago`,
    evidence: [item.id],
    weight: 0.1,
  };
};

const CHECKS: readonly Check[] = [
  outOfInodes,
  spaceHidden,
  readOnly,
  growingMemory,
  steadyMemory,
  sharedLoad,
  outOfMemoryKill,
  waitingNotWorking,
  batchJob,
  portTaken,
  badStart,
  tmpfsFull,
  descriptorLeak,
  recentChange,
  justStarted,
];

/** Everything that the codified checks find in one evidence record, in a fixed order. */
export const runChecks = (evidence: Evidence): readonly Finding[] => CHECKS.flatMap((check) => check(evidence) ?? []);

function memoryCulprit(evidence: Evidence) {
  if (!MEMORY_SIGNALS.has(evidence.event.signal)) return { found: undefined, item: undefined };
  const entity = labelledProcess(evidence, 'culprit') ?? labelledProcess(evidence, 'top_mem');
  return {
    found: entity && figuresOf(evidence, entity),
    item: entity && itemAbout(evidence, entity),
  };
}

/** A cause of a crash loop that the log tells; in other incidents such lines are noise. */
function fromLog(
  evidence: Evidence,
  pattern: RegExp,
  finding: { readonly check: string; readonly claim: string; readonly instead: string },
): Finding | null {
  const lines = evidence.event.signal === 'group.restarts' ? logIds(evidence, pattern) : [];
  return lines.length === 0 ? null : { ...finding, evidence: lines, weight: 0 };
}
