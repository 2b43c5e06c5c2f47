import { missingMemory } from '../../evidence/memory-held.ts';
import { mib, number } from '../../evidence/words.ts';
import { command, end, type KnownCause, restart, unitStatus } from './cause.ts';
import { loops } from './failing.ts';
import type { Signs } from './signs.ts';

/** Percent of the memory below which more than usual is not yet too little left. */
const SHORT = 80;

const isShort = (signs: Signs): boolean => {
  // Nobody's memory fills a file system.
  if (signs.isOfRoom) return false;
  // A workload over its own budget, told beside this trouble, does not make the host short.
  if (signs.hasSignal('host.swap', 'host.memory_pressure') || signs.isAbout('group.memory')) return true;
  if (!signs.hasSignal('host.memory')) return false;
  const used = signs.metric(/^memory\.used_percent/)?.value;
  // Growing from a low level is a leak already where the alert is about it.
  return (
    used === undefined ||
    used >= SHORT ||
    (signs.isAbout('host.memory') && (signs.evidence.event.trend_per_hour ?? 0) > 0)
  );
};

/** Killed at its own bound: the host has memory, and restarting it changes nothing. */
const cgroupLimit: KnownCause = {
  id: 'cgroup-limit',
  class: 'cgroup-oom-loop',
  find: (signs) => {
    const line = signs.line(
      /memory cgroup out of memory|oom_memcg|memory\.max\b.{0,60}(?:kill|oom|exceeded|reached)|(?:kill|oom|exceeded|reached).{0,60}\bmemory\.max\b|constraint_memcg|oomkilled|exit(?:ed)?(?: with)?(?: code| status)?[ :=(]{1,3}137\b/i,
    );
    if (line === undefined) return null;
    const killed = signs.line(/killed process \d+ \(([\w.+-]+)\)/i)?.groups[0];
    const own = signs.ownUnit;
    const unit = own ?? signs.units.find((one) => killed !== undefined && one.startsWith(killed)) ?? signs.units[0];
    const container = signs.evidence.entities.find(({ kind }) => kind === 'container')?.value;
    const limit = /(?:memory\.max|memorymax|memory limit|limit)[ =:]*(\d{1,9}(?:\.\d{1,3})? ?[kmg]i?b?)\b/i.exec(
      line.text,
    )?.[1];
    const bound = limit === undefined ? mibOf(signs.line(/\blimit (\d{1,15}k)b/i)?.groups[0] ?? '') : mibOf(limit);
    const heap = heapOver(signs, killed, bound);
    const more = limit === undefined || own === undefined || heap !== null ? null : doubled(limit);
    const change = signs.since(unit, killed, container, 'memorymax', 'memory limit');
    const who = unit ?? container ?? killed ?? 'A service';
    return {
      sentence: `${who}${killed !== undefined && !who.includes(killed) ? ` (${killed})` : ''} is killed again and again (OOM) at its own memory limit (cgroup MemoryMax${limit === undefined ? '' : ` ${limit}`}), while the host itself has memory left: ${heap === null ? 'the limit is too small for what it needs, or it leaks' : `its heap may grow to ${number(heap.heap)} MiB (-Xmx), while the limit is ${number(heap.limit)} MiB: one of the two has to change`}; a restart cures nothing${change.words}.`,
      evidence: [line.id, ...signs.main, ...(heap?.ids ?? []), ...change.ids],
      commands: [
        ...(unit === undefined
          ? [command('docker stats --no-stream', 'Shows what each container uses of its limit.')]
          : [
              unitStatus(unit),
              ...(more === null
                ? []
                : [
                    command(
                      `systemctl set-property ${unit} MemoryMax=${more}`,
                      'Doubles its memory limit, so that it lives while a person finds out what it needs.',
                    ),
                  ]),
            ]),
      ],
      sure: 'decisive',
      ...(more === null ? { person: true } : {}),
      // Killed in a loop: it was started anew again and again already.
      ...(loops(signs) || signs.line(/restart counter is at (?:[3-9]|\d{2,})/i) !== undefined
        ? { futile: ['oom-killed', 'service-failed', 'crash-loop'] }
        : {}),
    };
  },
};

/** A Java heap that may outgrow the limit of its control group: what every start ends in. */
function heapOver(signs: Signs, killed: string | undefined, limit: number | null) {
  const process = signs.processes.find((one) => one.process.comm === (killed || 'java') && XMX.test(one.cmd.text));
  const heap = mibOf(XMX.exec(process?.cmd.text ?? '')?.[1] ?? '');
  if (process === undefined || heap === null || limit === null || heap < limit) return null;
  return { heap, limit, ids: signs.itemOf(process) };
}

const XMX = /(?:^|\s)-Xmx(\d{1,9}[kmg]?)\b/i;

/** A size in MiB; null of what is none. */
function mibOf(size: string): number | null {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([kmg])(?:i?b)?$/i.exec(size) ?? [];
  const found = Number(digits) * (MIB_OF[unit.toLowerCase()] ?? Number.NaN);
  return digits !== '' && Number.isFinite(found) ? found : null;
}

/** MiB of a limit below and above which what a line says is no limit of a service that ever ran: nobody is to set it. */
const PLAUSIBLE_MIB = { least: 16, most: 1_048_576 } as const;
const MIB_OF: Readonly<Record<string, number>> = { k: 1 / 1_024, m: 1, g: 1_024 };

/** Twice a limit, as systemd takes it; null of what is no plausible one. */
export function doubled(limit: string): string | null {
  const size = mibOf(limit) ?? Number.NaN;
  if (!(size >= PLAUSIBLE_MIB.least && size <= PLAUSIBLE_MIB.most)) return null;
  const twice = Math.ceil(size * 2);
  return twice % 1_024 === 0 ? `${twice / 1_024}G` : `${twice}M`;
}

/** Files on a tmpfs are memory. */
const tmpfs: KnownCause = {
  id: 'tmpfs',
  class: 'tmpfs-full',
  find: (signs) => {
    const full = signs.mounts.find(
      ({ mount, used }) =>
        used >= 85 && (mount.type === 'tmpfs' || mount.type === 'ramfs' || /^\/(?:dev\/shm|run)/.test(mount.path)),
    );
    if (full === undefined) return null;
    const { path } = full.mount;
    const writer =
      signs.told(/wrote|written|holds/i)?.process ??
      signs.processes.find(({ cmd }) => cmd.text.includes(path)) ??
      undefined;
    const unit = writer && signs.unitOf(writer);
    return {
      sentence: `${path} is a tmpfs (a memory file system) and is ${number(full.used)} % full: files ${writer === undefined ? 'that a program' : `that ${signs.name(writer)}`} left there fill the memory.`,
      evidence: [full.item.id, ...signs.main, ...(writer === undefined ? [] : signs.itemOf(writer))],
      commands: [
        command(`du -xh --max-depth=2 ${path}`, 'Shows which files are large.'),
        ...(unit === undefined ? (writer === undefined ? [] : [end(writer.process.pid)]) : [restart(unit)]),
      ],
      sure: 'decisive',
      elsewhere: true,
      ...(writer === undefined ? { person: true } : {}),
    };
  },
};

/** A heap that was made larger than the machine, or that is full. */
const heap: KnownCause = {
  id: 'heap',
  class: 'heap-exhaustion',
  find: (signs) => {
    const line = signs.line(
      /outofmemoryerror|java heap space|gc overhead|heap out of memory|pause full|\bfull gc\b|gc (?:thrash|pressure)|old gen.{0,20}full|allocation failed.*heap/i,
    );
    const process = line === undefined ? undefined : (signs.process(/^(?:java|node)$/) ?? signs.outstanding('rss'));
    if (line === undefined || process === undefined) return null;
    const unit = signs.unitOf(process) ?? signs.unit;
    const change = signs.since(signs.program(process), unit, 'xmx', 'java_opts', 'heap');
    return {
      sentence: `The heap of ${signs.name(process)} (${process.process.comm}, ${mib(process.rss)} resident) is exhausted or larger than the memory of the host${signs.hasSignal('host.swap') ? ', which is pushed into swap' : ''}${change.words}.`,
      evidence: [line.id, ...signs.main, ...signs.itemOf(process), ...change.ids],
      commands: [unit === undefined ? end(process.process.pid) : restart(unit)],
      sure: 'decisive',
    };
  },
};

/** One process holds the memory: by its growth a leak, by its size alone too large a job. */
const memoryHog: KnownCause = {
  id: 'memory-hog',
  class: 'memory-leak',
  find: (signs) => {
    const process = isShort(signs) ? signs.outstanding('rss') : undefined;
    if (process === undefined) return null;
    const unit = signs.unitOf(process);
    const change = signs.since(signs.program(process), process.process.comm, unit);
    const isOfMemory = signs.isAbout('host.memory', 'host.swap', 'host.memory_pressure', 'group.memory');
    const trend = isOfMemory && (signs.evidence.event.trend_per_hour ?? 0) > 0;
    const swap = signs.hasSignal('host.swap');
    const grew = (process.growth ?? 0) > 0 ? ` and still grows (by ${mib(process.growth ?? 0)} lately)` : '';
    const young = (process.age_s ?? 0) > 0 && (process.age_s ?? 0) < 7_200;
    const what = swap
      ? `pushes the host into swap (a swap storm: pages go out and come back, thrashing): it holds ${mib(process.rss)} of memory${grew}`
      : young && grew === ''
        ? `takes more memory than the host has left: ${mib(process.rss)}, and more every hour, as a leak or a job that is too large does`
        : `leaks memory or caches without a bound: it holds ${mib(process.rss)}${grew}`;
    return {
      sentence: `${signs.name(process)}${process.process.comm === signs.program(process) ? '' : `, ${process.process.comm},`} ${what}${change.words}.`,
      evidence: [...signs.main, ...signs.itemOf(process), ...change.ids],
      commands: [unit === undefined ? end(process.process.pid) : restart(unit)],
      sure: trend || grew !== '' || swap ? 'decisive' : 'likely',
    };
  },
};

/** Two of one size: neither alone is at fault, and which may go is for people to say. */
const shared: KnownCause = {
  id: 'memory-shared',
  class: 'memory-pressure',
  find: (signs) => {
    if (!isShort(signs) || signs.outstanding('rss') !== undefined) return null;
    const [first, second] = [...signs.processes].sort((a, b) => b.rss - a.rss);
    if (first === undefined || second === undefined || second.rss * 2 < first.rss) return null;
    return {
      sentence: `${signs.name(first)} with ${mib(first.rss)} and ${signs.name(second)} with ${mib(second.rss)} share the memory: together they need more than the host has, and neither alone is at fault.`,
      evidence: [...signs.main, ...signs.itemOf(first), ...signs.itemOf(second)],
      commands: [
        command('free -m', 'Shows memory and swap.'),
        command('ps -eo pid,user,rss,comm --sort=-rss', 'Lists the processes, the largest first.'),
      ],
      sure: 'likely',
      person: true,
    };
  },
};

/** Much of the memory is in use, and none of the largest processes holds it. */
const unheld: KnownCause = {
  id: 'memory-unheld',
  class: 'memory-pressure',
  find: (signs) => {
    const missing = missingMemory(signs.evidence);
    const held = signs.processes.reduce((sum, { rss }) => sum + rss, 0);
    if (missing === null || !isShort(signs) || signs.processes.length === 0 || held * 2 > missing) return null;
    return {
      sentence: `No process holds the memory that is missing: ${mib(missing)} more than usual is in use, and all of the largest processes together hold ${mib(held)}. The kernel (slab, a driver), the hypervisor (balloon), a tmpfs or shared memory, or huge pages do; which of them is not known by this evidence.`,
      evidence: [...signs.main, ...signs.processes.slice(0, 2).flatMap((one) => signs.itemOf(one))],
      commands: [
        command('cat /proc/meminfo', 'Shows what the kernel (Slab), files in memory (Shmem) and huge pages take.'),
        command('df -h -t tmpfs', 'Shows the files that are held in memory.'),
        command('ipcs -m', 'Shows the shared memory, and who made it.'),
      ],
      sure: 'open',
      or: [
        'the kernel holds the memory (slab, or a driver that leaks)',
        'the hypervisor took it back (a balloon driver)',
        'files on a tmpfs, shared memory or reserved huge pages hold it',
      ],
      person: true,
    };
  },
};

/** The killed process is often the victim, not the one that took the memory. */
const hostOom: KnownCause = {
  id: 'host-oom',
  class: 'oom-killed',
  find: (signs) => {
    const line = signs.line(/out of memory: killed process \d+ \(([\w.+-]+)\)|oom-killer/i);
    if (line === undefined || signs.line(/memory cgroup|memcg/i) !== undefined) return null;
    const holder = signs.outstanding('rss');
    const own = signs.ownUnit;
    const unit = own ?? signs.units.find((one) => line.groups[0] !== '' && one.startsWith(line.groups[0] ?? ' '));
    return {
      sentence: `The host ran out of memory and the kernel killed ${line.groups[0] || 'a process'} (OOM)${holder === undefined ? '' : `; the memory is held by ${signs.name(holder)}, ${mib(holder.rss)}`}.`,
      evidence: [line.id, ...signs.main, ...(holder === undefined ? [] : signs.itemOf(holder))],
      commands: [
        command('free -m', 'Shows memory and swap.'),
        ...(unit === undefined ? [] : [own === undefined ? unitStatus(unit) : restart(own)]),
      ],
      sure: 'decisive',
      ...(own === undefined ? { person: true } : {}),
    };
  },
};

export const MEMORY: readonly KnownCause[] = [cgroupLimit, tmpfs, heap, hostOom, memoryHog, shared, unheld];
