import type { Situation } from './scenario.ts';

type Metric = Situation['metrics'][number];

/** A metric as our agent names it, and the signal that it raises when it is out of bounds. */
export interface AgentMetric {
  readonly signal: string;
  readonly metric: string;
  readonly limit?: { readonly value: number; readonly healthy: 'below' | 'above' };
}

/** What a row of the table asks of a metric's name, and what the agent calls it. */
interface Word {
  readonly name: RegExp;
  readonly signal: string;
  readonly metric: string;
  /** The label that the agent's metric is about; the first that the scenario gives. */
  readonly about: readonly string[];
  /** The agent's own hard limit (agent/detect/limits.ts), where it has one. */
  readonly limit?: number;
  readonly healthy?: 'above';
}

const UNIT = ['unit', 'service', 'process'];
const DEVICE = ['dev', 'interface', 'device', 'port'];

/**
 * Names that monitors use for what our agent senses itself. Order matters: the narrow ones come first. What is in no
 * row is a metric that a program reports (statsd, a scraped endpoint), and keeps its name.
 */
const WORDS: readonly Word[] = [
  { name: /inode/, signal: 'disk.inodes', metric: 'disk.inodes_percent', about: ['mount'], limit: 90 },
  { name: /read_?only/, signal: 'disk.read_only', metric: 'disk.read_only', about: ['mount', 'dev'], limit: 0.5 },
  {
    name: /^(?:disk|fs|filesystem|storage)\b.*(?:used|usage|full|fill)/,
    signal: 'disk.space',
    metric: 'disk.used_percent',
    about: ['mount'],
    limit: 90,
  },
  { name: /^(?:disk|io|block)\b.*(?:busy|util)/, signal: 'disk.slow', metric: 'disk.busy_percent', about: ['dev'] },
  {
    name: /^(?:disk|io|block)\b.*(?:await|latency|queue)/,
    signal: 'disk.slow',
    metric: 'disk.await_ms',
    about: ['dev'],
  },
  { name: /iowait|io_?pressure/, signal: 'host.io_pressure', metric: 'cpu.iowait_percent', about: [] },
  { name: /cgroup.*oom|oom.*(?:kill|count)/, signal: 'kernel.oom', metric: 'kernel.oom', about: UNIT },
  { name: /swap.*(?:used|usage|percent|util)/, signal: 'host.swap', metric: 'swap.used_percent', about: [], limit: 80 },
  {
    name: /mem(?:ory)?.*pressure|major_?faults/,
    signal: 'host.memory_pressure',
    metric: 'pressure.memory_some_percent',
    about: [],
  },
  {
    name: /^(?:system\.|host\.|node\.)?(?:mem|memory|ram)\b.*(?:used|usage|util|percent)/,
    signal: 'host.memory',
    metric: 'memory.used_percent',
    about: [],
    limit: 92,
  },
  {
    name: /^(?:system\.|host\.|node\.)?cpu\b.*(?:percent|util|used|usage|busy)/,
    signal: 'host.cpu',
    metric: 'cpu.percent',
    about: [],
    limit: 95,
  },
  { name: /^(?:system\.|host\.|node\.)?load\b/, signal: 'host.load', metric: 'load.per_core', about: [] },
  { name: /zombie|defunct/, signal: 'host.zombies', metric: 'process.zombies', about: [], limit: 20 },
  {
    name: /^(?:process(?:es)?|proc|task|pid|thread)s?[._](?:count|total|running|used|table|forks)|fork(?:s|_rate)/,
    signal: 'host.tasks',
    metric: 'process.count',
    about: [],
  },
  {
    name: /(?:open_?files|open_?fds|\bfds?\b|file_?desc)/,
    signal: 'process.files',
    metric: 'process.files_percent',
    about: UNIT,
  },
  {
    name: /container.*restart|restart.*container|docker.*restart/,
    signal: 'container.restarts',
    metric: 'container.restarts_per_hour',
    about: ['container', 'unit'],
  },
  {
    name: /(?:unit|service|systemd).*restart|restarts?_(?:per|count|total)|^restarts/,
    signal: 'unit.restarts',
    metric: 'unit.restarts_per_hour',
    about: UNIT,
  },
  {
    name: /(?:unit|service|systemd|timer|job).*(?:failed|failure|down|state|active)/,
    signal: 'unit.failed',
    metric: 'unit.failed',
    about: UNIT,
  },
  { name: /conntrack/, signal: 'net.conntrack', metric: 'conntrack.used_percent', about: [], limit: 90 },
  { name: /flap|carrier_changes|link_changes/, signal: 'net.flaps', metric: 'network.flaps_per_hour', about: DEVICE },
  {
    name: /carrier|link.*(?:up|down|state)|(?:cellular|modem|wwan).*(?:connected|registered|up|state)/,
    signal: 'net.link_down',
    metric: 'network.carrier',
    about: DEVICE,
  },
  { name: /^net(?:work)?\b.*(?:error|drop|crc)/, signal: 'net.errors', metric: 'network.errors_per_s', about: DEVICE },
  {
    name: /cert|tls.*(?:expir|days)/,
    signal: 'certificate.expiry',
    metric: 'certificate.days',
    about: ['file', 'path', 'name', 'domain', 'port'],
    limit: 14,
    healthy: 'above',
  },
  {
    name: /(?:clock|ntp|time|chrony).*(?:offset|drift|skew)/,
    signal: 'clock.offset',
    metric: 'clock.offset_ms',
    about: [],
  },
  {
    name: /repl.*lag|lag.*repl|standby.*lag/,
    signal: 'database.replication_lag',
    metric: 'database.replication_lag_s',
    about: [],
  },
  { name: /lock/, signal: 'database.locks', metric: 'database.waiting_locks', about: [] },
  {
    name: /^(?:postgres|pg|mysql|mariadb|db|database)\b.*conn/,
    signal: 'database.connections',
    metric: 'database.connections_percent',
    about: [],
  },
  {
    name: /^(?:log|journal)s?\b.*(?:line|message|rate|bytes|volume)/,
    signal: 'log.flood',
    metric: 'log.lines_per_minute',
    about: UNIT,
  },
  { name: /temperature|temp_c|thermal/, signal: 'host.temperature', metric: 'thermal.hottest_c', about: [] },
];

/** How the agent names a metric of a scenario. */
export function agentMetric({ name, labels }: Metric): AgentMetric {
  const word = WORDS.find((one) => one.name.test(name.toLowerCase()));
  const about = word?.about ?? [...UNIT, ...DEVICE, 'mount', 'remote', 'container'];
  const subject = about.map((key) => labels[key]).find((value) => value !== undefined);
  const base = word?.metric ?? name.toLowerCase().replace(/[^a-z0-9_.]/g, '_');
  const named = subject === undefined ? base : `${base}[${word?.about === UNIT ? unitName(subject) : subject}]`;
  if (word === undefined) return { signal: base, metric: named };
  const limit =
    word.limit === undefined ? {} : { limit: { value: word.limit, healthy: word.healthy ?? 'below' } as const };
  return { signal: word.signal, metric: named, ...limit };
}

/** Signals of the events that a host's journal and kernel tell. */
const EVENTS: readonly (readonly [RegExp, string])[] = [
  [/oom/, 'kernel.oom'],
  [/unit_?fail|service_?fail|failed/, 'unit.failed'],
  [/link_?down|carrier/, 'net.link_down'],
  [/link_?up|flap/, 'net.flaps'],
  [/boot|reboot|start/, 'host.reboot'],
  [/remount|read_?only/, 'kernel.readonly'],
  [/io_?error|disk/, 'kernel.disk'],
  [/restart/, 'unit.restarts'],
  [/segfault|crash|core/, 'kernel.crash'],
];

/** The signal of an event of a scenario; a kind that we do not know is its own. */
export const eventSignal = (kind: string): string =>
  EVENTS.find(([name]) => name.test(kind.toLowerCase()))?.[1] ??
  `event.${kind.toLowerCase().replace(/[^a-z0-9_]/g, '_')}`;

/** A unit with its suffix, as systemd lists it. */
export const unitName = (name: string): string =>
  /\.(?:service|timer|socket|mount|target|slice|scope|path)$/.test(name) ? name : `${name}.service`;
