import { unitOf } from '../evidence/words.ts';
import type { Situation } from './scenario.ts';

type Metric = Situation['metrics'][number];

/** A metric as our agent names it, and the signal that it raises when it is out of bounds. */
export interface AgentMetric {
  readonly signal: string;
  readonly metric: string;
  readonly limit?: { readonly value: number; readonly healthy: 'below' | 'above' };
  /** What the scenario's figures are multiplied by, so that they are in the unit that this name tells. */
  readonly scale: number;
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
  /** Others count what the agent knows the share of: a figure whose unit nobody tells is a count. */
  readonly counted?: true;
}

const UNIT = ['unit', 'service', 'process'];
const DEVICE = ['dev', 'interface', 'device', 'port'];

/**
 * Names that monitors use for what our agent senses itself. Order matters: the narrow ones come first. What is in no
 * row is a metric that a program reports (statsd, a scraped endpoint), and keeps its name.
 */
const WORDS: readonly Word[] = [
  { name: /inode/, signal: 'disk.inodes', metric: 'disk.inodes_percent', about: ['mount'], limit: 90 },
  {
    name: /^(?!.*(?:mysql|mariadb|super_|postgres|pg_|redis|replica)).*read_?only/,
    signal: 'disk.read_only',
    metric: 'disk.read_only',
    about: ['mount', 'dev'],
    limit: 0.5,
  },
  {
    name: /^(?:disk|fs|filesystem|storage|volume|mount|partition)(?![a-z0-9]).*(?:used|usage|full|fill|util)/,
    signal: 'disk.space',
    metric: 'disk.used_percent',
    about: ['mount'],
    limit: 90,
  },
  {
    name: /^(?:disk|io|block)(?![a-z0-9]).*(?:busy|util)/,
    signal: 'disk.slow',
    metric: 'disk.busy_percent',
    about: ['dev'],
  },
  {
    name: /^(?:disk|io|block)(?![a-z0-9]).*(?:await|latency|queue)/,
    signal: 'disk.slow',
    metric: 'disk.await_ms',
    about: ['dev'],
  },
  {
    name: /iowait|io_?pressure|pressure.*io(?![a-z])|psi.*io(?![a-z])/,
    signal: 'host.io_pressure',
    metric: 'cpu.iowait_percent',
    about: [],
  },
  { name: /cgroup.*oom|oom.*(?:kill|count)/, signal: 'kernel.oom', metric: 'kernel.oom', about: UNIT },
  {
    name: /swap.*(?:used|usage|percent|util|(?:in|out)(?![a-z])|pages|io(?![a-z]))/,
    signal: 'host.swap',
    metric: 'swap.used_percent',
    about: [],
    limit: 80,
  },
  {
    name: /mem(?:ory)?.*pressure|pressure.*mem(?:ory)?|psi.*mem|major_?faults|pgmajfault/,
    signal: 'host.memory_pressure',
    metric: 'pressure.memory_some_percent',
    about: [],
  },
  {
    name: /^(?:system[._]|host[._]|node[._])?(?:mem|memory|ram)(?![a-z0-9])(?!.*(?:slab|huge|cache|shmem|commit|process)).*(?:used|usage|util|percent)/,
    signal: 'host.memory',
    metric: 'memory.used_percent',
    about: [],
    limit: 92,
  },
  {
    name: /^(?:system[._]|host[._]|node[._])?cpu(?![a-z0-9])(?!.*(?:steal|stolen|freq|throttl|quota|irq|nice|idle)).*(?:percent|util|used|usage|busy)/,
    signal: 'host.cpu',
    metric: 'cpu.percent',
    about: [],
    limit: 95,
  },
  { name: /^(?:system[._]|host[._]|node[._])?load(?![a-z])/, signal: 'host.load', metric: 'load.per_core', about: [] },
  { name: /zombie|defunct/, signal: 'host.zombies', metric: 'process.zombies', about: [], limit: 20 },
  {
    name: /^(?:system[._]|host[._]|node[._])?(?:process(?:es)?|proc|task|pid|thread)s?[._](?:count|total|running|used|table|max)/,
    signal: 'host.tasks',
    metric: 'process.count',
    about: [],
  },
  { name: /fork(?:s|_rate)/, signal: 'host.tasks', metric: 'process.forks_per_s', about: [] },
  {
    name: /(?:open_?files|open_?fds|\bfds?\b|file_?desc)/,
    signal: 'process.files',
    metric: 'process.files_percent',
    about: UNIT,
    counted: true,
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
  { name: /conntrack/, signal: 'net.conntrack', metric: 'conntrack.used_percent', about: [], limit: 90, counted: true },
  { name: /flap|carrier_changes|link_changes/, signal: 'net.flaps', metric: 'network.flaps_per_hour', about: DEVICE },
  {
    name: /carrier|link.*(?:up|down|state)|(?:cellular|modem|wwan).*(?:connected|registered|up|state)/,
    signal: 'net.link_down',
    metric: 'network.carrier',
    about: DEVICE,
  },
  {
    name: /^(?:net(?:work)?|nic|interface|if)(?![a-z0-9]).*(?:error|drop|crc)/,
    signal: 'net.errors',
    metric: 'network.errors_per_s',
    about: DEVICE,
  },
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
  { name: /blocked|d_state|uninterruptible/, signal: 'host.blocked', metric: 'process.blocked', about: [] },
  { name: /(?<!c)lock(?!out|step)/, signal: 'database.locks', metric: 'database.waiting_locks', about: [] },
  {
    // What is open of them, and not what became of those that failed.
    name: /^(?:postgres(?:ql)?|pg|mysql|mariadb|db|database|mongo(?:db)?|redis)(?![a-z0-9])(?!.*(?:err|fail|abort|refus|reject|time|latency|_ms|duration|rate|per_)).*(?:conn|clients|backends)/,
    signal: 'database.connections',
    metric: 'database.connections_percent',
    about: [],
    counted: true,
  },
  {
    name: /^(?:log|journald?|r?syslog|kern(?:el)?_log)s?(?![a-z0-9]).*(?:line|message|msg|rate|bytes|volume|entries)/,
    signal: 'log.flood',
    metric: 'log.lines_per_minute',
    about: UNIT,
  },
  { name: /reboot/, signal: 'host.reboot', metric: 'host.rebooted', about: [] },
  { name: /unsync/, signal: 'clock.unsynced', metric: 'clock.unsynced_h', about: [] },
  { name: /thermal.*margin|temp.*margin/, signal: 'host.temperature', metric: 'thermal.margin_c', about: [] },
  {
    name: /^(?!.*(?:cfs|container|quota|cgroup)).*throttl/,
    signal: 'host.throttling',
    metric: 'thermal.throttles',
    about: [],
  },
  {
    name: /^(?:(?:host|system|node|sensors?|hw|hwmon)[._])?(?:cpu|core|package|pkg|soc|board|gpu|chassis|inlet|nvme|disk|host|system|node|thermal|temp)(?![a-z]).*(?:temperature|temp|thermal|celsius)|^(?:temperature|temp|thermal|host[._]temp)/,
    signal: 'host.temperature',
    metric: 'thermal.hottest_c',
    about: [],
  },
];

/** What each unit measures, and how many of the first of its kind it is. */
const MEASURES: Readonly<Record<string, readonly [of: string, size: number]>> = {
  '%': ['share', 1],
  percent: ['share', 1],
  ms: ['time', 0.001],
  s: ['time', 1],
  seconds: ['time', 1],
  minutes: ['time', 60],
  h: ['time', 3_600],
  hours: ['time', 3_600],
  days: ['time', 86_400],
  bytes: ['size', 1],
  MiB: ['size', 1_048_576],
  MB: ['size', 1_048_576],
  GiB: ['size', 1_073_741_824],
  GB: ['size', 1_073_741_824],
  'per second': ['rate', 1],
  '/s': ['rate', 1],
  'per minute': ['rate', 1 / 60],
  '/min': ['rate', 1 / 60],
  'lines/min': ['rate', 1 / 60],
  'per hour': ['rate', 1 / 3_600],
  '/h': ['rate', 1 / 3_600],
  'MiB per hour': ['growth', 1],
  'MiB/h': ['growth', 1],
  'bytes per second': ['flow', 1],
  'bytes/s': ['flow', 1],
  '°C': ['heat', 1],
  C: ['heat', 1],
  celsius: ['heat', 1],
};
const ONE: readonly [of: string, size: number] = ['count', 1];

/** What the scenario's own word for the unit measures, else what a metric's name tells; undefined where neither does. */
const measureOf = (unit: string, name: string): readonly [of: string, size: number] | undefined =>
  MEASURES[unit.trim()] ?? MEASURES[unitOf(name).trim()] ?? (unit.trim() === '' ? undefined : ONE);

/** A size in bytes, whichever case its unit is written in; undefined of what is no size. */
export function bytesOf({ value, unit }: Pick<Metric, 'value' | 'unit'>): number | undefined {
  const word = unit.trim().toLowerCase();
  const found = Object.entries(MEASURES).find(([name, [of]]) => of === 'size' && name.toLowerCase() === word);
  return found && value * found[1][1];
}

/**
 * How the agent names a metric of a scenario. A figure in another unit of the same kind is converted; one that measures
 * something else (connections, where the agent knows their share) raises the same signal under its own name, without the
 * agent's limit: no value is ever said in a unit that it is not in.
 */
export function agentMetric({ name, labels, unit }: Pick<Metric, 'name' | 'labels' | 'unit'>): AgentMetric {
  const word = WORDS.find((one) => one.name.test(name.toLowerCase()));
  const about = word?.about ?? [...UNIT, ...DEVICE, 'mount', 'remote', 'container'];
  const subject = about.map((key) => labels[key]).find((value) => value !== undefined);
  const own = name.toLowerCase().replace(/[^a-z0-9_.]/g, '_');
  const wanted = (word && measureOf('', word.metric)) ?? ONE;
  const given = measureOf(unit, own) ?? (word?.counted === true ? ONE : wanted);
  const same = given[0] === wanted[0];
  const base = word !== undefined && same ? word.metric : own;
  const metric = subject === undefined ? base : `${base}[${word?.about === UNIT ? unitName(subject) : subject}]`;
  if (word === undefined) return { signal: base, metric, scale: 1 };
  const { signal, limit, healthy = 'below' } = word;
  if (!same) return { signal, metric, scale: 1 };
  return {
    signal,
    metric,
    scale: given[1] / wanted[1],
    ...(limit === undefined ? {} : { limit: { value: limit, healthy } }),
  };
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
