import { availableParallelism } from 'node:os';
import type { Said, Snapshot, TopProcess } from '../broker/messages.ts';
import { redact, redactArgv } from '../broker/redact.ts';
import { lookAtFolder } from './capture-folder.ts';
import { type LogSource, lastLinesOf, logTemplatesOf } from './capture-logs.ts';
import { recentChanges } from './changes/recent-changes.ts';
import type { Finding } from './detect/finding.ts';
import { withUnit } from './detect/finding.ts';
import { Growth } from './growth.ts';
import { bootTime } from './sense/boot-time.ts';
import { readMeminfo } from './sense/memory.ts';
import { countOpen, type Opener } from './sense/open-files.ts';
import { processRef, readProcessStat } from './sense/process-stat.ts';
import type { ProcessRow } from './sense/processes.ts';
import { splitMetric } from './sense/sense.ts';
import type { Sensor } from './sense/sensor.ts';
import { Users } from './sense/users.ts';
import { timerOf, unitOf } from './unit-of.ts';

/** Entries of each ranking, and of each list of facts: what an operator reads, and what fits a message with room. */
const TOP = 8;
/** A command line's characters: three rankings of eight stay under 32 kB even where each character takes four bytes. */
const MAX_CMD = 200;
/** A process that grew by less within a minute is not what filled a host's memory. */
const GROWTH_THAT_MATTERS = 64 * 1_048_576;
/** Of all zombies: of many parents with a few each none is the trouble, and ending one would not heal it. */
const CULPRIT_SHARE = 0.5;
const MIB = 1_048_576;

const users = new Users();

/** The processes and facts that one class of trouble adds to what every snapshot has. */
interface Focus {
  readonly group?: string;
  readonly culprit?: number;
  readonly supervisor?: number;
  readonly members: readonly ProcessRow[];
  readonly openers: readonly Opener[];
  readonly facts: Readonly<Record<string, Said>>;
}

/**
 * What a good SRE would look at for this finding, taken now, bounded in size and time. Strings that a user of the host
 * could have chosen are redacted and marked untrusted. Never throws: what can't be read is left out.
 */
export async function capture(finding: Finding, sensor: Sensor, host: Partial<CaptureHost> = {}): Promise<Snapshot> {
  const { root = '/', now = Date.now, growth = new Growth() } = host;
  const focus = await look(finding, sensor, growth);
  const byCpu = sensor.processes.top(TOP, (row) => row.cpu);
  const byMemory = sensor.processes.top(TOP, (row) => row.rss);
  const candidates = new Map([...byCpu, ...byMemory, ...focus.members.slice(0, TOP)].map((row) => [row.pid, row]));
  for (const { pid } of focus.openers) {
    const row = sensor.processes.find(pid);
    if (row !== undefined) candidates.set(pid, row);
  }
  const open = new Map([...candidates.keys()].map((pid) => [pid, countOpen(sensor.proc, pid)]));
  const byOpen = [...candidates.values()]
    .filter((row) => open.get(row.pid) !== undefined)
    .sort((a, b) => (open.get(b.pid) ?? 0) - (open.get(a.pid) ?? 0))
    .slice(0, TOP);
  const describe = (row: ProcessRow): TopProcess[] => describeProcess(sensor, row, open.get(row.pid));
  const suspects = [focus.culprit, focus.supervisor].flatMap((pid) => sensor.processes.find(pid ?? 0) ?? []);
  // Those whom the finding is about are in every ranking they could be in, though a busy host has eight busier ones.
  const withFocus = (rows: readonly ProcessRow[], by: (row: ProcessRow) => number): ProcessRow[] => {
    const own = new Set([...suspects, ...[...focus.members].sort((a, b) => by(b) - by(a)).slice(0, TOP / 2)]);
    const others = rows.filter((row) => !own.has(row));
    return [...own, ...others.slice(0, TOP - own.size)].sort((a, b) => by(b) - by(a));
  };
  const culprit = sensor.processes.find(focus.culprit ?? 0);
  const { unit, source } = sourceOf(finding, sensor, culprit);
  const timer = unit === null ? null : timerOf(unit, root);
  return {
    top_cpu: withFocus(byCpu, (row) => row.cpu).flatMap(describe),
    top_mem: withFocus(byMemory, (row) => row.rss).flatMap(describe),
    top_fds: byOpen.flatMap(describe),
    mounts: sensor.disks.disks().map(({ path, type, total, used, inodes, inodesUsed }) => ({
      path,
      type,
      total,
      used,
      ...(inodes === 0 ? {} : { inodes, inodes_used: inodesUsed }),
    })),
    unit_lines: lastLinesOf(source, sensor, root),
    log_templates: logTemplatesOf(source, sensor),
    changes: await recentChanges({ root, now: now() }, bootTime(sensor.proc)),
    facts: {
      ...hostFacts(sensor),
      ...subjectFacts(finding, sensor),
      ...focus.facts,
      ...(unit === null ? {} : { unit: trusted(unit) }),
      ...(timer === null ? {} : { timer: trusted(timer) }),
    },
  };
}

/** Whose lines tell about this finding, and the unit that could be acted on. */
function sourceOf(
  finding: Finding,
  sensor: Sensor,
  culprit: ProcessRow | undefined,
): { readonly unit: string | null; readonly source: LogSource } {
  const { base, label } = splitMetric(finding.metric);
  if (base.startsWith('log.')) return { unit: null, source: { log: label } };
  if (base.startsWith('kernel.')) return { unit: null, source: { source: 'kernel' } };
  if (base.startsWith('unit.')) return { unit: label, source: { source: label } };
  const unit = culprit === undefined ? declaredUnit(base, label, sensor) : unitOf(sensor.proc, culprit.pid);
  const source = unit ?? culprit?.comm;
  return { unit, source: source === undefined ? null : { source } };
}

/** Of a workload of which nothing is left that could tell: as the site says. */
const declaredUnit = (base: string, label: string, sensor: Sensor): string | null =>
  (base.startsWith('group.') ? sensor.watch.groups().find(({ name }) => name === label)?.unit : undefined) ?? null;

/** Where the rest of the host is read from. */
export interface CaptureHost {
  /** The folder of the host's own files. */
  readonly root: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** What earlier looks at folders saw. */
  readonly growth: Growth;
}

const trusted = (text: string): Said => ({ text: redact(text, 400), trusted: true });

async function look(finding: Finding, sensor: Sensor, growth: Growth): Promise<Focus> {
  const { base, label } = splitMetric(finding.metric);
  if (base.startsWith('group.')) return lookAtGroup(label, base, sensor);
  const folder = base.startsWith('folder.') ? sensor.watch.folders().find(({ name }) => name === label)?.path : label;
  if ((base.startsWith('folder.') || base.startsWith('disk.')) && folder !== undefined && folder.startsWith('/')) {
    const { openers, holder, facts } = await lookAtFolder(folder, sensor, growth);
    // Who only holds what was deleted takes no space of a folder, but of the file system that it is on.
    const held = base.startsWith('disk.') ? holder : undefined;
    const suspect = held ?? openers.find(({ writing }) => writing > 0);
    const known = suspect === undefined ? {} : { culprit: suspect.pid };
    return { members: [], openers, ...known, facts: { ...facts, ...pidFacts(known) } };
  }
  return lookAtHost(base, sensor);
}

function lookAtGroup(group: string, metric: string, sensor: Sensor): Focus {
  const members = sensor.groups.members(group);
  const largest = (by: (row: ProcessRow) => number): ProcessRow | undefined =>
    [...members].sort((a, b) => by(b) - by(a))[0];
  const facts = { group: trusted(group), members: trusted(String(members.length)) };
  if (metric === 'group.restarts_per_minute') {
    const supervisor = supervisorOf(members, sensor);
    const pid = supervisor?.pid;
    const known = pid === undefined ? {} : { culprit: pid, supervisor: pid };
    return { group, members, openers: [], ...known, facts: { ...facts, ...pidFacts(known) } };
  }
  const culprit = largest(metric === 'group.cpu_percent' ? (row) => row.cpu : (row) => row.rss)?.pid;
  const known = culprit === undefined ? {} : { culprit };
  return { group, members, openers: [], ...known, facts: { ...facts, ...pidFacts(known) } };
}

/** Who restarts them: the group's leader where it lives, else the one parent of all. Never init, which adopts orphans. */
function supervisorOf(members: readonly ProcessRow[], sensor: Sensor): ProcessRow | undefined {
  const leader = members.find((row) => row.pid === row.pgrp);
  if (leader !== undefined && members.every((row) => row === leader || row.pgrp === leader.pgrp)) return leader;
  const inside = new Set(members.map((row) => row.pid));
  const parents = new Set(members.map((row) => row.ppid).filter((pid) => !inside.has(pid)));
  const [only] = parents;
  return parents.size === 1 && only !== undefined && only > 1 ? sensor.processes.find(only) : undefined;
}

function lookAtHost(metric: string, sensor: Sensor): Focus {
  const [grown] = sensor.processes.top(1, (row) => row.growth);
  const [largest] = sensor.processes.top(1, (row) => row.rss);
  const [busiest] = sensor.processes.top(1, (row) => row.cpu);
  let culprit: ProcessRow | undefined;
  if (metric.startsWith('memory.') || metric.startsWith('swap.')) {
    culprit = grown !== undefined && grown.growth >= GROWTH_THAT_MATTERS ? grown : largest;
  } else if (metric.startsWith('cpu.') || metric.startsWith('load.')) {
    culprit = busiest;
  } else if (metric === 'process.zombies') {
    culprit = parentOfMost(
      sensor.processes.rows().filter(({ state }) => state === 'Z'),
      sensor,
    );
  }
  const known = culprit === undefined ? {} : { culprit: culprit.pid };
  return { members: [], openers: [], ...known, facts: pidFacts(known) };
}

/** Who does not collect its children; never init, which collects them all in its own time, and no one whose are the fewer. */
function parentOfMost(children: readonly ProcessRow[], sensor: Sensor): ProcessRow | undefined {
  const counts = new Map<number, number>();
  for (const { ppid } of children) if (ppid > 1) counts.set(ppid, (counts.get(ppid) ?? 0) + 1);
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  if (most === undefined) return undefined;
  const [parent, count] = most;
  return count >= children.length * CULPRIT_SHARE ? sensor.processes.find(parent) : undefined;
}

const pidFacts = (pids: { readonly culprit?: number; readonly supervisor?: number }): Record<string, Said> =>
  Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, trusted(String(pid))]));

function hostFacts(sensor: Sensor): Record<string, Said> {
  const facts: Record<string, Said> = { cores: trusted(String(availableParallelism())) };
  const add = (name: string, read: () => string): void => {
    try {
      facts[name] = trusted(read());
    } catch {
      // A fact that can't be read is left out.
    }
  };
  add('kernel', () => sensor.proc.head('sys/kernel/osrelease').trim());
  add('uptime_s', () => String(Math.floor(Number.parseFloat(sensor.proc.head('uptime')))));
  add('memory_total_mib', () => String(Math.round((readMeminfo(sensor.proc).get('MemTotal') ?? 0) / MIB)));
  return facts;
}

function subjectFacts(finding: Finding, sensor: Sensor): Record<string, Said> {
  const unit = sensor.metrics().find(({ name }) => name === finding.metric)?.unit ?? '';
  const { label } = splitMetric(finding.metric);
  return {
    ...(label === '' ? {} : { subject: trusted(label) }),
    limit: trusted(withUnit(finding.limit.value, unit)),
    value: trusted(withUnit(finding.value, unit)),
  };
}

/** Empty when the process has ended meanwhile or its number is someone else's now. */
function describeProcess(sensor: Sensor, row: ProcessRow, fds: number | undefined): TopProcess[] {
  const now = readProcessStat(sensor.proc, row.pid);
  if (now === null || now.start !== row.start) return [];
  const group = sensor.groups.groupOf(row.pid);
  const age = ageOf(sensor, row);
  return [
    {
      process: processRef(sensor.proc, now),
      user: users.name(sensor.proc.owner(row.pid) ?? 0).slice(0, 64),
      cmd: { text: commandLine(sensor, row), trusted: false },
      cpu: Math.round(row.cpu * 10) / 10,
      rss: row.rss,
      ...(fds === undefined ? {} : { fds }),
      growth: row.growth,
      ...(age === undefined ? {} : { age_s: age }),
      ...(group === undefined ? {} : { group }),
    },
  ];
}

/** Kernel threads have no command line; their name is shown as ps does. */
function commandLine(sensor: Sensor, row: ProcessRow): string {
  try {
    const argv = sensor.proc.head(`${row.pid}/cmdline`).replace(/\0+$/, '').split('\0');
    if (argv.length > 1 || argv[0] !== '') return redactArgv(argv, MAX_CMD);
  } catch {
    // It ended, or is not ours to read.
  }
  return redact(`[${row.comm}]`, MAX_CMD);
}

function ageOf(sensor: Sensor, row: ProcessRow): number | undefined {
  try {
    const up = Number.parseFloat(sensor.proc.head('uptime'));
    const age = Math.floor(up - row.start / sensor.proc.units().ticksPerSecond);
    return Number.isSafeInteger(age) && age >= 0 ? age : undefined;
  } catch {
    return undefined;
  }
}
