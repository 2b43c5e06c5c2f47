import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { agentMetric } from '../../hub/eval/agent-words.ts';
import { heardOf } from '../../hub/eval/heard.ts';
import type { Situation } from '../../hub/eval/scenario.ts';
import { unitOf } from '../../hub/evidence/words.ts';

/** No figure is ever said in a unit that it is not in. */
const test = suite('units of figures');

test("a metric's name tells its unit, a count tells none", () => {
  const told: Readonly<Record<string, string>> = {
    'disk.used_percent': ' %',
    'cpu.percent': ' %',
    'disk.growth_mib_per_h': ' MiB per hour',
    'network.rx_bytes_per_s': ' bytes per second',
    'process.forks_per_s': ' per second',
    'mqtt.connects_per_minute': ' per minute',
    'unit.restarts_per_hour': ' per hour',
    'http.latency_p95_ms': ' ms',
    'clock.offset_s': ' s',
    'host.uptime_h': ' hours',
    'disk.hours_left': ' hours',
    'certificate.days_left': ' days',
    'thermal.hottest_c': ' °C',
    'group.memory_mib': ' MiB',
    'process.count': '',
    'unit.failed': '',
    'load.per_core': '',
    'database.waiting_locks': '',
    'host.status': '',
    'memory.oom_kills': '',
  };
  for (const [name, unit] of Object.entries(told)) assert.is(unitOf(name), unit, name);
});

const situation = (metric: Partial<Situation['metrics'][number]> & { readonly name: string }): Situation => ({
  id: 'x',
  class: 'x',
  host: 'host-1',
  metrics: [{ value: 1, unit: '', labels: {}, ...metric }],
  top_processes: [],
  logs: [],
  events: [],
  recent_changes: [],
});

test('a figure in another unit of the same kind is converted with all that belongs to it', () => {
  const { event } = heardOf(
    situation({
      name: 'ntp.offset_s',
      value: -2.5,
      unit: 's',
      baseline: { mean: 0.01, std: 0.002 },
      trend_per_hour: 0.1,
    }),
  );
  assert.is(event.metric, 'clock.offset_ms');
  assert.is(event.value, -2_500);
  assert.equal(event.baseline, { mean: 10, sd: 2 });
  assert.is(event.trend_per_hour, 100);
});

test('what measures something else keeps its name, and has no limit of ours', () => {
  for (const [name, unit, signal] of [
    ['process.forks_per_s', 'per second', 'host.tasks'],
    ['postgres.connections', 'count', 'database.connections'],
    ['app.open_fds', 'count', 'process.files'],
    ['disk.used_gib', 'GiB', 'disk.space'],
  ] as const) {
    const named = agentMetric({ name, unit, labels: {} });
    assert.is(named.metric, name);
    assert.is(named.signal, signal);
    assert.is(named.limit, undefined, name);
  }
  assert.is(agentMetric({ name: 'process.blocked', unit: 'count', labels: {} }).signal, 'host.blocked');
  assert.is(agentMetric({ name: 'disk.used', unit: '', labels: { mount: '/x' } }).metric, 'disk.used_percent[/x]');
});

const UNITS = [
  'percent',
  'ms',
  's',
  'hours',
  'days',
  'count',
  'per second',
  'per minute',
  'MiB',
  'bytes',
  'celsius',
  '',
];
const STEMS = [
  'disk.await',
  'clock.offset',
  'process.forks',
  'db.connections',
  'memory.used',
  'cpu',
  'conntrack.used',
  'cert.expiry',
  'http.latency',
  'temperature',
  'lock.wait',
  'replication.lag',
  'log.lines',
  'open_files',
];

test('whatever a metric is called, the unit of its own name is the unit that it was given in', () => {
  const kinds: Readonly<Record<string, string>> = {
    percent: '%',
    ms: 'time',
    s: 'time',
    hours: 'time',
    days: 'time',
    'per second': 'rate',
    'per minute': 'rate',
    MiB: 'size',
    bytes: 'size',
    celsius: '°C',
  };
  const kindOf = (unit: string): string =>
    ({
      '%': '%',
      ms: 'time',
      s: 'time',
      hours: 'time',
      days: 'time',
      'per second': 'rate',
      'per minute': 'rate',
      'per hour': 'rate',
      MiB: 'size',
      bytes: 'size',
      '°C': '°C',
    })[unit] ?? '';
  void fc.assert(
    fc.property(
      fc.constantFrom(...STEMS),
      fc.constantFrom(...UNITS),
      fc.double({ min: 0.001, max: 1e9, noNaN: true }),
      (name, unit, value) => {
        const { event } = heardOf(situation({ name, unit, value }));
        const said = unitOf((event.metric ?? '').replace(/\[.*$/, '')).trim();
        if (unit === '' || said === '') return;
        assert.is(kindOf(said), kinds[unit] ?? '', `${name} in ${unit} became ${event.metric}`);
        if (said === unit) assert.is(event.value, value);
        if (unit === 's' && said === 'ms') assert.ok(Math.abs((event.value ?? 0) - value * 1_000) <= value * 1e-6);
      },
    ),
  );
});
test.run();
