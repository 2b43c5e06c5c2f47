import type { Event, Snapshot } from '../../broker/messages.ts';
import type { Inventory } from '../../policy/verdict.ts';
import type { Also } from '../evidence/evidence.ts';
import { isSafeName, splitMetric } from '../evidence/names.ts';
import { unitOf } from '../evidence/words.ts';
import { type AgentMetric, agentMetric, bytesOf, eventSignal, unitName } from './agent-words.ts';
import type { Situation } from './scenario.ts';

/** What the hub would have heard of one host: the event that opens the incident, the others beside it, the inventory. */
export interface Heard {
  readonly event: Event;
  readonly also: readonly Also[];
  readonly inventory: Inventory;
}

/** Deviations from usual beyond which the agent would speak (docs/detection.md: severity). */
const UNUSUAL = 3;
const MIB = 1_048_576;
/** The moment of the alert where a scenario names no time at all. */
const NO_TIME = Date.UTC(2026, 0, 1);
/** Log writers that are the host itself: no unit of a service. */
const NO_UNIT = /^(?:kernel|systemd|sshd|cron|sudo|dhclient|)$/;

type Metric = Situation['metrics'][number];
type Row = Situation['top_processes'][number];

/** A scenario as an agent would have sent it: what it names by other words gets the agent's own. */
export function heardOf(situation: Situation): Heard {
  const now = lastMoment(situation);
  const spoken = situation.metrics.flatMap((one) => (isUnusual(one) ? [inAgentsUnit(one)] : []));
  const told = situation.events.map(({ kind, detail }) => ({ signal: eventSignal(kind), detail }));
  const known = spoken.find(
    ({ one, named }) => named.metric !== one.name || named.limit !== undefined || /^[a-z]+\./.test(named.signal),
  );
  const main = known ?? spoken[0];
  const snapshot = snapshotOf(situation, now);
  const event =
    main === undefined
      ? eventOfTold(situation, told[0], now, snapshot)
      : eventOf(situation, main.one, main.named, now, snapshot);
  const also: Also[] = [
    ...spoken
      .filter((one) => one !== main)
      .map(({ one, named }) => ({
        signal: named.signal,
        metric: named.metric,
        value: one.value,
        reason: reasonOf(one, named),
      })),
    ...told.map(({ signal, detail }) => ({ signal, reason: detail })),
  ];
  return { event, also, inventory: inventoryOf(situation, snapshot) };
}

/** A metric by the agent's name, its figures in the unit that this name tells. */
function inAgentsUnit(one: Metric): { readonly one: Metric; readonly named: AgentMetric } {
  const named = agentMetric(one);
  if (named.scale === 1) return { one, named };
  const { value, baseline, trend_per_hour: trend } = one;
  const scaled = (figure: number): number => Number((figure * named.scale).toPrecision(12));
  return {
    named,
    one: {
      ...one,
      value: scaled(value),
      unit: unitOf(splitMetric(named.metric).base).trim(),
      ...(baseline === undefined
        ? {}
        : { baseline: { ...baseline, mean: scaled(baseline.mean), std: scaled(baseline.std) } }),
      ...(trend === undefined ? {} : { trend_per_hour: scaled(trend) }),
    },
  };
}

/** How much a value moves. */
const STILL = /st(?:d_?)?dev|variance/;

function isUnusual(one: Metric): boolean {
  const { value, baseline, name } = one;
  const { limit, scale } = agentMetric(one);
  if (limit !== undefined && (limit.healthy === 'below' ? value * scale > limit.value : value * scale < limit.value))
    return true;
  if (baseline === undefined) return true;
  if (/(?:readonly|read_only|failed|down)$/.test(name) && value === 1) return true;
  // What always moved and does not move at all is frozen, however little that is.
  if (STILL.test(name) && value === 0 && baseline.mean > 0) return true;
  const far = Math.abs(value - baseline.mean);
  return far >= UNUSUAL * Math.max(baseline.std, Math.abs(baseline.mean) * 0.01, 1e-6);
}

function eventOf(
  situation: Situation,
  one: Metric,
  { signal, metric, limit }: AgentMetric,
  now: number,
  snapshot: Snapshot,
): Event {
  const { baseline, trend_per_hour: trend } = one;
  const sigma =
    baseline === undefined
      ? undefined
      : Math.abs(one.value - baseline.mean) / Math.max(baseline.std, Math.abs(baseline.mean) * 0.01, 0.01);
  return {
    ...frame(situation, now),
    signal,
    severity: 'warning',
    metric,
    value: one.value,
    ...(limit === undefined ? {} : { limit }),
    ...(baseline === undefined ? {} : { baseline: { mean: baseline.mean, sd: baseline.std } }),
    ...(sigma === undefined ? {} : { sigma: Math.min(999, sigma) }),
    ...(trend === undefined ? {} : { trend_per_hour: trend }),
    reason: reasonOf(one, { metric }),
    fingerprint: `${signal}:${metric}`.slice(0, 256),
    snapshot,
  };
}

/** A scenario that has no unusual metric: the host told something, or nothing but its log did. */
function eventOfTold(
  situation: Situation,
  told: { readonly signal: string; readonly detail: string } | undefined,
  now: number,
  snapshot: Snapshot,
): Event {
  const signal = told?.signal ?? 'log.new_error';
  const subject = /^[A-Za-z0-9@_.:-]+/.exec(told?.detail ?? '')?.[0];
  const metric =
    subject === undefined ? signal : `${signal}[${signal.startsWith('unit.') ? unitName(subject) : subject}]`;
  return {
    ...frame(situation, now),
    signal,
    severity: 'warning',
    metric,
    value: 1,
    reason: told?.detail || 'The log has a new kind of error.',
    fingerprint: `${signal}:${subject ?? 'host'}`,
    snapshot,
  };
}

const frame = ({ host }: Situation, ts: number) =>
  ({ agent: host, boot: '00000000000000ee', seq: 1, ts, kind: 'anomaly' }) as const;

const reasonOf = ({ value, unit, baseline }: Metric, { metric }: Pick<AgentMetric, 'metric'>): string =>
  `${metric}: ${value} ${unit}${baseline === undefined ? '' : `, usually ${baseline.mean}`}.`;

function snapshotOf(situation: Situation, now: number): Snapshot {
  const rows = situation.top_processes.map(processOf);
  const by = (amount: (row: (typeof rows)[number]) => number) => [...rows].sort((a, b) => amount(b) - amount(a));
  const unit = unitFact(situation);
  const total = memoryTotal(situation);
  const notes = situation.top_processes.flatMap(({ pid, note }) => (note === undefined ? [] : [`pid ${pid}: ${note}`]));
  return {
    top_cpu: by((row) => row.cpu),
    top_mem: by((row) => row.rss),
    top_fds: by((row) => row.fds ?? 0).filter((row) => row.fds !== undefined),
    mounts: mountsOf(situation),
    unit_lines: situation.logs.slice(-24).map(({ unit: from, msg }) => said(`${from}: ${msg}`)),
    log_templates: [],
    changes: situation.recent_changes.map(({ ts, what, by: who }) => ({
      ts: moment(ts) ?? now,
      what: said(who === '' ? what : `${what} (by ${who})`),
    })),
    facts: Object.fromEntries([
      ...(unit === undefined ? [] : [['unit', { text: unit, trusted: true }] as const]),
      ...(total === undefined ? [] : [['memory_total_mib', { text: total, trusted: true }] as const]),
      ...notes.map((note, i) => [`open.${i + 1}`, said(note)] as const),
    ]),
  };
}

const said = (text: string) => ({ text, trusted: false });

function processOf({ pid, user, cmd, cpu_percent, rss_mb, open_fds, age_s, note }: Row) {
  const grew = /grew (?:by )?(\d+) ?(MB|MiB|GB|GiB)/i.exec(note ?? '');
  return {
    process: { pid, start: pid, comm: commOf(cmd) },
    user,
    cmd: said(cmd),
    cpu: cpu_percent,
    rss: Math.round(rss_mb * MIB),
    ...(open_fds === undefined ? {} : { fds: open_fds }),
    ...(grew === null ? {} : { growth: Number(grew[1]) * (/^G/i.test(grew[2] ?? '') ? 1_024 : 1) * MIB }),
    ...(age_s === undefined ? {} : { age_s: Math.round(age_s) }),
  };
}

/** The kernel's name of a process: at most 15 characters of its program. */
function commOf(cmd: string): string {
  const first = cmd.trim().split(/\s+/)[0] ?? '';
  const name = first.replace(/:$/, '').replace(/^\[(.*)\]$/, '$1');
  return name.slice(name.lastIndexOf('/') + 1).slice(0, 15) || 'unnamed';
}

function mountsOf({ metrics }: Situation): Snapshot['mounts'] {
  const mounts = new Map<string, { used?: number; inodes?: number; type: string }>();
  for (const { name, value, labels, unit } of metrics) {
    const path = labels['mount'];
    const { signal, metric } = agentMetric({ name, labels, unit });
    if (path === undefined) continue;
    const type = labels['fstype'] ?? (/^\/(?:dev\/shm|run)/.test(path) ? 'tmpfs' : 'ext4');
    const before = mounts.get(path) ?? { type };
    // In bytes it is no share of anything that the scenario tells.
    const isShare = metric.startsWith('disk.used_percent') || metric.startsWith('disk.inodes_percent');
    if (signal === 'disk.space' && isShare) mounts.set(path, { ...before, used: value });
    else if (signal === 'disk.inodes' && isShare) mounts.set(path, { ...before, inodes: value });
    else mounts.set(path, before);
  }
  return [...mounts].map(([path, { used, inodes, type }]) => ({
    path,
    type,
    total: used === undefined ? 0 : 100_000 * MIB,
    used: Math.round((used ?? 0) * 1_000) * MIB,
    ...(inodes === undefined ? {} : { inodes: 100_000, inodes_used: Math.round(inodes * 1_000) }),
  }));
}

/** The unit that the agent's metric or, by its control group, the heaviest process belongs to. */
/** What the agent reads of its host itself, in MiB. */
function memoryTotal({ metrics }: Situation): string | undefined {
  const total = metrics.find(({ name }) => /^mem(?:ory)?[._]total/i.test(name));
  const bytes = total && bytesOf(total);
  return bytes === undefined || bytes < MIB ? undefined : String(Math.round(bytes / MIB));
}

function unitFact({ metrics, top_processes, logs }: Situation): string | undefined {
  const labelled = metrics.find((one) => isUnusual(one) && one.labels['unit'] !== undefined)?.labels['unit'];
  if (labelled !== undefined) return unitName(labelled);
  const units = [...new Set(logs.map(({ unit }) => unit))].filter((unit) => !NO_UNIT.test(unit));
  const heaviest = [...top_processes].sort((a, b) => b.cpu_percent + b.rss_mb / 100 - a.cpu_percent - a.rss_mb / 100);
  for (const { cmd } of heaviest) {
    const unit = units.find((one) => one === commOf(cmd) || cmd.includes(`/${one}`));
    if (unit !== undefined) return unitName(unit);
  }
  return undefined;
}

/** The names that exist on the host: all that the scenario shows, and nothing else. */
function inventoryOf({ metrics, logs, events, host }: Situation, { top_cpu, mounts }: Snapshot): Inventory {
  const named = [
    ...metrics.flatMap(({ labels }) => labels['unit'] ?? []),
    ...logs.map(({ unit }) => unit).filter((unit) => !NO_UNIT.test(unit)),
    ...events.flatMap(({ detail }) => detail.match(/[A-Za-z0-9@_.-]+\.(?:service|timer|mount|socket)\b/g) ?? []),
    ...logs.flatMap(({ msg }) => /^([A-Za-z0-9@_.-]+\.(?:service|timer|mount|socket)):/.exec(msg)?.[1] ?? []),
  ];
  const units = [...new Set(named.map((name) => unitName(name.split('/')[0] ?? name)))];
  return {
    units: units.filter((unit) => isSafeName('unit', unit)),
    mounts: mounts.map(({ path }) => path),
    containers: metrics.flatMap(({ labels }) => labels['container'] ?? []),
    hosts: [host],
    folders: [],
    processes: top_cpu.map(({ process }) => process),
  };
}

const moment = (ts: string | undefined): number | undefined => {
  const at = Date.parse(ts ?? '');
  return Number.isFinite(at) ? at : undefined;
};

/** The alert comes with the last thing that the scenario tells. */
function lastMoment({ logs, events, recent_changes }: Situation): number {
  const told = [...logs, ...events].flatMap(({ ts }) => moment(ts) ?? []);
  const all = told.length > 0 ? told : recent_changes.flatMap(({ ts }) => moment(ts) ?? []);
  return all.length === 0 ? NO_TIME : Math.max(...all) + 1_000;
}
