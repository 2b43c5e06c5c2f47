import type { TopProcess } from '../../evidence/processes.ts';
import { number } from '../../evidence/words.ts';
import { command, end, type Found, type KnownCause, nice, restart, unitStatus } from './cause.ts';
import { speakerOf } from './refused.ts';
import type { Signs } from './signs.ts';

/** Programs that are busy on purpose: backups, copies, indexes, package runs. */
export const BATCH_JOB =
  /\b(?:rsync|borg|restic|tar|gzip|pigz|zstd|xz|updatedb|mandb|pg_dump|mysqldump|rclone|duplicity|bacula-fd|apt-get|dpkg|dnf|clamscan|tripwire|aide)\b/;
const uptime = command('uptime', 'Shows how long the host is up, and its load.');

/** A pattern that explores every way to match: one short input keeps a core busy for ever. */
const regex: KnownCause = {
  id: 'regex',
  class: 'regex-runaway',
  find: (signs) => {
    const line =
      signs.line(
        /regex|regexp|regular expression|backtrack|\bpcre\b|catastrophic|match took \d+ ?(?:ms|s)\b|slow (?:rule|pattern|expression)|tim(?:e|ed) ?out .{0,40}\b(?:rule|pattern|filter|grok)\b|(?:rule|pattern|filter|grok)\b.{0,60}(?:timed? ?out|too slow|took \d{4,} ?ms)/i,
      ) ?? undefined;
    const workers = signs.busyWorkers();
    const process = signs.outstanding('cpu') ?? workers?.[0];
    if (line === undefined || process === undefined || !signs.hasSignal('host.cpu', 'host.load', 'group.cpu'))
      return null;
    const unit = signs.unitOf(process) ?? signs.unit;
    const change = signs.since(signs.program(process), unit, 'rule', 'regex', 'pattern');
    const others = (workers?.length ?? 1) - 1;
    return {
      sentence: `A runaway regular expression or rule (regex, catastrophic backtracking) keeps ${signs.name(process)}, ${process.process.comm},${others > 0 ? ` and ${others} more of its workers` : ''} busy: ${number(process.cpu)} % of a core${others > 0 ? ' each' : ''}${change.words}.`,
      evidence: [line.id, ...signs.main, ...signs.itemOf(process), ...change.ids],
      commands: [unit === undefined ? end(process.process.pid) : restart(unit), nice(process.process.pid)],
      sure: 'decisive',
    };
  },
};

/** Ended children that their parent never asks about. */
const zombies: KnownCause = {
  id: 'zombies',
  class: 'zombies',
  find: (signs) => {
    if (!signs.hasSignal('host.zombies') && signs.line(/\bdefunct\b|zombie/i) === undefined) return null;
    const parent =
      signs.told(/(?:parent of|children|defunct|zombies)/i)?.process ??
      (signs.line(/defunct|zombie|sigchld|waitpid|fork:/i) &&
        signs.processes.find((one) => one.rss > 0 && !/defunct/.test(one.cmd.text) && signs.unitOf(one) !== undefined));
    const count = signs.metric(/zombie/)?.words;
    if (parent === undefined)
      return {
        sentence: `A parent process does not collect its ended children: ${count ?? 'many'} zombies (defunct) stay in the process table.`,
        evidence: signs.main,
        commands: [command('ps -eo ppid,pid,stat,comm --sort=ppid', 'Shows the zombies beside their parent.')],
        sure: 'likely',
        person: true,
      };
    const unit = signs.unitOf(parent);
    const change = signs.since(
      signs.program(parent),
      unit,
      signs.evidence.snapshot?.changes.length === 1 ? parent.user : undefined,
    );
    return {
      sentence: `${signs.name(parent)} does not reap (collect) its ended children: ${count ?? 'many'} zombies (defunct processes) stay in the process table${change.words}.`,
      evidence: [...signs.main, ...signs.itemOf(parent), ...change.ids],
      commands: [
        command('ps -eo ppid,pid,stat,comm --sort=ppid', 'Shows the zombies beside their parent.'),
        unit === undefined ? end(parent.process.pid) : restart(unit),
      ],
      sure: 'decisive',
    };
  },
};

/** What starts others on purpose: a scheduler, a watcher of files, a super-server. */
const SPAWNERS =
  /^(?:cron|crond|fcron|anacron|incrond|atd|inetd|xinetd|watchexec|entr|inotifywait|supervisord|runsvdir)$/;

/** The scheduler or watcher whose own lines show that it starts a process. */
function spawnerOf(signs: Signs, child: TopProcess): { readonly process: TopProcess; readonly id: string } | undefined {
  const program = signs.program(child);
  if (program.length < 4) return undefined;
  for (const process of signs.processes) {
    const { comm } = process.process;
    if (!SPAWNERS.test(comm) || process === child) continue;
    const line = signs.lines().find(({ text }) => text.toLowerCase().startsWith(comm) && text.includes(program));
    if (line !== undefined) return { process, id: line.id };
  }
  return undefined;
}

/** Processes that start more of themselves. */
const forks: KnownCause = {
  id: 'forks',
  class: 'fork-storm',
  find: (signs) => {
    const count = signs.metric(/^process\.(?:table|count|forks)|tasks|threads/);
    const refused = signs.line(
      /fork: (?:retry: )?resource temporarily unavailable|cannot fork|pids? limit|fork rejected by pids/i,
    );
    if (!signs.hasSignal('host.tasks', 'group.processes') || (count === undefined && refused === undefined))
      return null;
    const told = signs.told(/\b(?:ancestor|parent|children|child processes|spawn\w*|forks?|forked|subprocess\w*)\b/i);
    const names = signs.processes.map((one) => signs.program(one));
    const repeated = signs.processes.find(
      (one, i) => one !== told?.process && names.indexOf(names[i] ?? '') !== names.lastIndexOf(names[i] ?? ''),
    );
    const child = repeated ?? told?.process ?? signs.outstanding('cpu');
    if (child === undefined) {
      return {
        sentence: `Processes multiply without end (a fork storm)${count?.words ? `, ${count.words} (${count.name})` : ''}; who starts them is not shown by this evidence.`,
        evidence: [...signs.main, ...(refused === undefined ? [] : [refused.id])],
        commands: [command('ps -eo ppid,pid,user,comm --sort=ppid', 'Shows the many beside who started them.')],
        sure: 'likely',
        person: true,
      };
    }
    const spawner = told !== undefined && told.process !== child ? told : spawnerOf(signs, child);
    const process = spawner?.process ?? child;
    const unit = signs.unitOf(process);
    const change = signs.since(signs.program(child), signs.program(process), unit);
    const does =
      spawner === undefined
        ? told === undefined
          ? 'starts itself again and again'
          : 'starts others again and again'
        : `starts ${signs.program(child)} again and again, and ending one of those changes nothing`;
    return {
      sentence: `${signs.name(process)} ${does} (a fork storm): its processes multiply without end${count?.words ? `, ${count.words}${/count|tasks|total/.test(count.name) ? ' by now' : ` (${count.name})`}` : ''}${change.words}.`,
      evidence: [
        ...signs.main,
        ...signs.itemOf(process),
        ...(refused === undefined ? [] : [refused.id]),
        ...(spawner === undefined ? [] : [spawner.id]),
        ...change.ids,
      ],
      ...(spawner === undefined ? {} : { futile: ['fork-storm'] }),
      elsewhere: true,
      commands: [
        unit === undefined
          ? end(process.process.pid)
          : command(`systemctl stop ${unit}`, 'Ends all of its processes at once.', `systemctl start ${unit}`),
      ],
      sure: 'decisive',
    };
  },
};

/** A backup is busy on purpose and ends by itself: it may have to wait for the services, and is never the fault. */
const batch: KnownCause = {
  id: 'batch-job',
  class: 'batch-load',
  find: (signs) => {
    const process = signs.outstanding('cpu');
    if (process === undefined || !signs.hasSignal('host.cpu', 'host.load', 'disk.slow', 'host.io_pressure'))
      return null;
    if (!BATCH_JOB.test(process.cmd.text.slice(0, 200))) return null;
    // Where memory is short, who holds it makes everything slow, a backup too.
    const holder = signs.hasSignal('host.swap', 'host.memory', 'host.memory_pressure') && signs.outstanding('rss');
    if (holder && holder !== process) return null;
    return {
      sentence: `A planned batch job (backup, copy or index), ${signs.name(process)}, uses the processors or the disk; it is wanted and ends by itself.`,
      evidence: [...signs.main, ...signs.itemOf(process)],
      commands: [nice(process.process.pid)],
      sure: 'decisive',
    };
  },
};

/** Workers of one service: it is the service that is busy, and ending one of them starts the next. */
function workersBusy(signs: Signs): Found | null {
  const workers = signs.busyWorkers();
  const [first] = workers ?? [];
  if (workers === null || first === undefined || first.cpu < 50) return null;
  const unit = signs.unitOf(first);
  const change = signs.since(signs.program(first), unit);
  return {
    sentence: `${workers.length} workers of ${unit ?? signs.program(first)}, ${signs.name(first)} first, use the processors (${number(first.cpu)} % of a core each): a loop in what they do, or more work than usual${change.words}.`,
    evidence: [...signs.main, ...signs.itemOf(first), ...change.ids],
    commands: [uptime, ...(unit === undefined ? [] : [unitStatus(unit)])],
    sure: 'likely',
    person: true,
  };
}

/** One busy process that nothing explains. */
const cpuHog: KnownCause = {
  id: 'cpu-hog',
  class: 'runaway-process',
  find: (signs) => {
    if (!signs.hasSignal('host.cpu', 'host.load', 'group.cpu')) return null;
    const process = signs.outstanding('cpu');
    if (process === undefined) return workersBusy(signs);
    if (process.cpu < 50) return null;
    const unit = signs.unitOf(process);
    const change = signs.since(signs.program(process), unit);
    return {
      sentence: `${signs.name(process)} uses the processors alone (${number(process.cpu)} % of a core): a runaway loop, a retry storm, or more work than usual${change.words}.`,
      evidence: [...signs.main, ...signs.itemOf(process), ...change.ids],
      commands: [nice(process.process.pid), uptime],
      sure: 'likely',
    };
  },
};

/** Descriptors are never given back: at the limit every open fails. */
const descriptors: KnownCause = {
  id: 'descriptors',
  class: 'fd-leak',
  find: (signs) => {
    const line = signs.line(/too many open files|\bemfile\b|\benfile\b/i);
    const files = signs.hasSignal('process.files', 'group.files', 'host.files');
    if (line === undefined && !files) return null;
    const holder = [...signs.processes].sort((a, b) => (b.fds ?? 0) - (a.fds ?? 0))[0];
    const process = holder?.fds !== undefined ? holder : (signs.outstanding('rss') ?? holder);
    if (process === undefined) return null;
    const unit = signs.unitOf(process) ?? signs.unit;
    const change = signs.since(signs.program(process), unit);
    return {
      sentence: `${signs.name(process)} leaks file descriptors (open files${process.fds === undefined ? '' : `: ${process.fds}`}, too many open files): it opens files or sockets and never closes them${change.words}.`,
      evidence: [...signs.main, ...(line === undefined ? [] : [line.id]), ...signs.itemOf(process), ...change.ids],
      commands: [unit === undefined ? end(process.process.pid) : restart(unit)],
      sure: line !== undefined && files ? 'decisive' : 'likely',
      ...(line === undefined && !signs.hasSignal('process.files', 'group.files') ? { person: true as const } : {}),
    };
  },
};

/** Threads are tasks too: at the bound not one more starts. */
const threads: KnownCause = {
  id: 'threads',
  class: 'thread-exhaustion',
  find: (signs) => {
    const line = signs.line(
      /unable to create (?:new )?native thread|can't start new thread|pthread_create failed|fork rejected by pids controller|(?:fork|clone|thread)\b[^;]{0,40}resource temporarily unavailable/i,
    );
    if (line === undefined || signs.hasSignal('host.tasks', 'group.processes')) return null;
    const from = /^(?:\d+ times: )?([\w@.-]+):/.exec(line.text)?.[1];
    const process = signs.told(/threads?\b/i)?.process ?? signs.processes.find((one) => signs.program(one) === from);
    // Whoever else said it is not started anew for it.
    const unit = (process && signs.unitOf(process)) ?? speakerOf(signs, line.text);
    const change = signs.since(process && signs.program(process), unit, 'tasksmax', 'nproc', 'limits');
    return {
      sentence: `${process === undefined ? (unit ?? 'A service') : signs.name(process)} has used up the threads or processes that it may have (TasksMax, ulimit), by a leak of threads or too low a bound${change.words}.`,
      evidence: [line.id, ...signs.main, ...(process === undefined ? [] : signs.itemOf(process)), ...change.ids],
      commands:
        unit === undefined
          ? [command('ps -eo nlwp,pid,user,comm --sort=-nlwp', 'Shows who has the most threads.')]
          : [unitStatus(unit), restart(unit)],
      sure: 'decisive',
      ...(unit === undefined ? { person: true } : {}),
    };
  },
};

/** Waiting in the kernel: load without processor time. */
const hung: KnownCause = {
  id: 'hung-storage',
  class: 'storage-hang',
  find: (signs) => {
    const nfs = signs.line(
      /nfs: server ([\w.-]+) not responding|nfs.{0,80}timed out|stale file handle|cifs.{0,60}(?:has not responded|reconnect|timed? ?out)/i,
    );
    const line = nfs ?? signs.line(/blocked for more than \d+ seconds|hung task/i);
    if (line === undefined) return null;
    return {
      sentence:
        nfs === undefined
          ? 'Processes hang in the kernel (D state) on storage that does not answer.'
          : `The ${/cifs/i.test(nfs.text) ? 'file server (CIFS)' : 'NFS server'} ${nfs.groups[0] ?? ''} does not answer, and everything that touches its mount hangs (D state).`,
      evidence: [line.id, ...signs.main],
      commands: [
        command('findmnt -t nfs,nfs4 -o TARGET,SOURCE,OPTIONS', 'Shows the mounts that hang.'),
        command('ps -eo pid,ppid,stat,wchan,comm', 'Shows who waits, and where.'),
        command('dmesg -T --level warn', 'Shows since when it does not answer.'),
      ],
      sure: 'decisive',
      person: true,
      // Who waits uses no processor, and giving it less of one changes nothing.
      futile: ['cpu-saturation', 'runaway-process', 'batch-load'],
    };
  },
};

export const PROCESSES: readonly KnownCause[] = [regex, zombies, forks, threads, descriptors, hung, batch, cpuHog];
