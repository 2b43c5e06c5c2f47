import type { TopProcess } from '../../evidence/processes.ts';
import { command, end, type KnownCause, unitStatus } from './cause.ts';
import { bareName, speaksOf } from './changes.ts';
import { isFilling } from './filling.ts';
import type { Signs } from './signs.ts';

const GIB = 1_073_741_824;
const meminfo = command('cat /proc/meminfo', 'Shows what the kernel (Slab), huge pages and files in memory take.');

/** Bytes by the ending of a metric's name; undefined of what is no size. */
function bytesOf(name: string, value: number | undefined): number | undefined {
  const size = /_gib$|_gb$/.test(name)
    ? GIB
    : /_mib$|_mb$/.test(name)
      ? 1_048_576
      : /_kib$|_kb$/.test(name)
        ? 1_024
        : 1;
  return value === undefined || !/_(?:[gmk]i?b|bytes)$/.test(name) ? undefined : value * size;
}
const ofMemory = (signs: Signs): boolean =>
  !signs.isOfRoom &&
  (signs.hasSignal('host.memory', 'host.swap', 'host.memory_pressure', 'kernel.oom') ||
    signs.says(/out of memory/i) !== undefined);

/** Huge pages that are set aside and that nobody uses are memory that nobody else gets. */
const hugePages: KnownCause = {
  id: 'huge-pages',
  class: 'hugepages-reserved',
  find: (signs) => {
    const counted = signs.says(/hugepages_total[=: ]+(\d{1,9}) +hugepages_free[=: ]+(\d{1,9})/i);
    const free = signs.metric(/huge_?pages?.*(?:free|unused)/);
    const total = signs.metric(/huge_?pages?.*(?:total|reserved|nr)/) ?? free;
    const change = signs.since('hugepages', 'nr_hugepages', 'huge pages');
    const all = Number(counted?.groups[0] ?? Number.NaN);
    const idle = Number(counted?.groups[1] ?? Number.NaN);
    const unused = (all > 0 && idle / all >= 0.25) || (bytesOf(free?.name ?? '', free?.value) ?? 0) >= GIB;
    if (!ofMemory(signs) || (!unused && (total === undefined || change.ids.length === 0))) return null;
    // The setting of before the change, where the change tells both.
    const before = signs.change(/nr_hugepages[\s=:]+(\d{1,9})\s*(?:->|→|to)\s*\d{1,9}/i);
    return {
      sentence: `Huge pages that are reserved (vm.nr_hugepages) take the memory${total?.words ? `: ${total.words} (${total.name})` : ''}${free?.words ? `, of which ${free.words} are used by nobody (${free.name})` : ''}; the rest of the host starves and swaps, and what the kernel kills is only the victim${change.words}.`,
      evidence: [...(counted === undefined ? [] : [counted.id]), ...signs.main, ...change.ids],
      commands: [
        meminfo,
        command('sysctl vm.nr_hugepages', 'Shows how many are reserved.'),
        ...(before === undefined
          ? []
          : [
              command(
                `sysctl -w vm.nr_hugepages=${before.groups[0]}`,
                'Gives back the pages that nobody uses; those in use stay.',
              ),
            ]),
      ],
      sure: 'decisive',
      ...(before === undefined ? { person: true } : {}),
      elsewhere: true,
      futile: ['oom-killed', 'memory-pressure', 'swap-storm', 'memory-leak', 'thrashing'],
    };
  },
};

/** Memory that the kernel itself holds. */
const slab: KnownCause = {
  id: 'slab',
  class: 'kernel-memory',
  find: (signs) => {
    const metric = signs.metric(/slab|sunreclaim|kernel_?memory|kmem/);
    if (metric === undefined || !ofMemory(signs)) return null;
    if ((bytesOf(metric.name, metric.value) ?? GIB) < GIB) return null;
    const change = signs.since('kernel', 'linux-image', 'driver', 'module');
    return {
      sentence: `The kernel itself holds the memory (slab, ${metric.words || metric.name}), and no process: its caches of files grow, or a driver leaks${change.words}.`,
      evidence: [...signs.main, ...change.ids],
      commands: [meminfo, command('slabtop -o', 'Shows what the kernel keeps.')],
      sure: 'decisive',
      person: true,
      futile: ['memory-leak', 'memory-pressure', 'swap-storm', 'oom-killed'],
    };
  },
};

/** A quota of processor time holds a service back while the host has time. */
const quota: KnownCause = {
  id: 'cpu-quota',
  class: 'cpu-quota',
  find: (signs) => {
    const metric = signs.metric(/(?:cpu|cfs)[._]?.*throttl|throttled_(?:percent|periods|time)|nr_throttled|cpu_?quota/);
    if (metric === undefined || (metric.value ?? 0) <= 0 || /temp|thermal/.test(metric.name)) return null;
    if (signs.says(/temperature|thermal/i) !== undefined || signs.metric(/frequency|mhz|fan/) !== undefined)
      return null;
    const who = metric.label ?? signs.unit ?? 'A service';
    const change = signs.since(metric.label ?? undefined, signs.unit, 'cpuquota', 'cpus', 'limits', 'cpu');
    return {
      sentence: `${who} is held back by its own quota of processor time (CPUQuota, --cpus; throttled ${metric.words}), while the host has time left${change.words}.`,
      evidence: [...signs.main, ...change.ids],
      commands: [
        ...(signs.unit === undefined ? [] : [unitStatus(signs.unit)]),
        command('docker stats --no-stream', 'Shows what each container uses of its limit.'),
      ],
      sure: 'decisive',
      person: true,
    };
  },
};

/** A command without what differs from run to run. */
const jobOf = ({ user, cmd }: TopProcess): string =>
  `${user} ${cmd.text.replace(/\d{4}-\d\d-\d\d(?:T[\d:]+)?|\b\d{5,}\b/g, '#')}`;
/** Programs of which several run by design. */
const MANY =
  /^(?:postgres|mysqld|mariadbd|nginx|apache2|httpd|php-fpm\S*|sshd|bash|sh|systemd|gunicorn|uwsgi|celery|puma|unicorn|chrome\w*|kworker\S*|oracle\S*|java_pool|smbd|nfsd|conmon|containerd-shim\S*|rootlessport|smtpd|dovecot|imap\S*)$/;
const WAITS =
  /already running|another instance|lock(?:ed)? (?:is )?held|held by another|waiting for (?:the )?lock|lock on .{0,60}(?:held|session)/i;
const STARTERS = /\b(?:crond?|cron|systemd|timer|anacron|scheduler|at)\b/i;

/** The same job runs more than once at the same time: two schedules, or the next run before the last has ended. */
const jobTwice: KnownCause = {
  id: 'job-twice',
  class: 'job-overlap',
  find: (signs) => {
    const jobs = new Map<string, TopProcess[]>();
    for (const one of signs.processes) {
      if (MANY.test(one.process.comm) || one.cmd.text.split(/\s+/).length < 2) continue;
      jobs.set(jobOf(one), [...(jobs.get(jobOf(one)) ?? []), one]);
    }
    const copies = [...jobs.values()].find((all) => all.length >= 2) ?? [];
    const [first, second] = copies;
    const program = first && signs.program(first);
    const planned = signs.says(/\(\S+\) CMD \(|crond?\b.{0,60}\bstart|triggered by|\.timer\b/i);
    const ofIt = (text: string): boolean => program !== undefined && speaksOf(text, bareName(program));
    const waits = signs.lines().find(({ text }) => WAITS.test(text) && ofIt(text));
    const change = signs.since(program, 'timer', 'cron', 'crontab', 'schedule');
    const isPlanned =
      planned !== undefined &&
      program !== undefined &&
      signs.lines().some(({ text }) => STARTERS.test(text) && text.includes(program));
    if (first === undefined || second === undefined || signs.isOfRoom) return null;
    // Workers of one program run by design, and another's lock or timer says nothing of them.
    const isRescheduled = /timer|cron|schedul/i.test(change.words) && ofIt(change.words);
    if (!isPlanned && waits === undefined && !isRescheduled) return null;
    const ages = copies.map(({ age_s: age = 0 }) => age);
    const together = Math.max(...ages) - Math.min(...ages) <= 120;
    const newest =
      [...copies].sort((a, b) => (a.age_s ?? 0) - (b.age_s ?? 0) || b.process.pid - a.process.pid)[0] ?? second;
    return {
      sentence: `${program} runs ${copies.length === 2 ? 'twice' : `${copies.length} times`} at once (pids ${copies
        .map(({ process }) => process.pid)
        .slice(0, 4)
        .join(
          ', ',
        )}): ${together ? 'two schedules (a cron entry and a timer) start the same job' : 'its next run starts before the last has ended (overlap)'}, and the copies take each other's time and locks${change.words}.`,
      evidence: [
        ...signs.main,
        ...copies.slice(0, 3).flatMap((one) => signs.itemOf(one)),
        ...(planned === undefined || !isPlanned ? [] : [planned.id]),
        ...(waits === undefined ? [] : [waits.id]),
        ...change.ids,
      ],
      commands: [
        command('systemctl list-timers --all --no-pager', 'Shows what timers start, and when.'),
        command('ps -eo pid,ppid,user,etime,args', 'Shows the copies and who started them.'),
        end(newest.process.pid),
      ],
      sure: 'decisive',
      apart: true,
    };
  },
};

/** Packets and interrupts take processor time that no process is charged for. */
const softirq: KnownCause = {
  id: 'softirq',
  class: 'interrupt-load',
  find: (signs) => {
    const metric = signs.metric(/soft_?irq|interrupts?|\birq/);
    const worker = signs.process(/ksoftirqd/);
    const isBusy = metric !== undefined || (worker !== undefined && worker.cpu >= 50);
    if (!isBusy) return null;
    const flow = signs.metric(/packets|pps|bytes_per_s/);
    const change = signs.since('irq', 'driver', 'offload', 'nic', 'firmware');
    return {
      sentence: `Interrupts take the processors (softirq${metric?.words ? ` ${metric.words}` : ''}${worker === undefined ? '' : ', ksoftirqd'}): ${flow === undefined ? 'a device or a timer raises far too many' : `far more packets arrive than usual (${flow.name} ${flow.words})`}, and no program is at fault${change.words}.`,
      evidence: [...signs.main, ...(worker === undefined ? [] : signs.itemOf(worker)), ...change.ids],
      commands: [
        command('cat /proc/softirqs', 'Shows which kind of work it is, and on which processor.'),
        command('ip -s link', 'Shows each interface with its packets and drops.'),
      ],
      sure: metric !== undefined ? 'decisive' : 'likely',
      person: true,
      futile: ['cpu-saturation', 'runaway-process'],
    };
  },
};

/** Old kernels are kept until somebody removes them, and /boot is small. */
const oldKernels: KnownCause = {
  id: 'old-kernels',
  class: 'boot-full',
  find: (signs) => {
    const mount = signs.fullMount();
    if (mount !== '/boot' || !isFilling(signs)) return null;
    const line = signs.says(/initramfs|initrd|vmlinuz|dracut|linux-image|kernel/i);
    return {
      sentence: `${mount} is full of old kernels and their initial file systems (initrd), which nothing removes: the next one can not be installed whole.`,
      evidence: [...(line === undefined ? [] : [line.id]), ...signs.main],
      commands: [
        command('df -h /boot', 'Shows how full it is.'),
        command('uname -r', 'Shows the kernel that runs, which has to stay.'),
      ],
      sure: 'decisive',
      person: true,
    };
  },
};

/** What the processors or the memory are taken by beneath the processes that everybody looks at. */
export const BENEATH: readonly KnownCause[] = [hugePages, slab, quota, softirq, jobTwice, oldKernels];
