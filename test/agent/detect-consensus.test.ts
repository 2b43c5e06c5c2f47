import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Detector } from '../../agent/detect/detector.ts';
import type { Finding } from '../../agent/detect/finding.ts';
import { JOIN_MS } from '../../agent/detect/settings.ts';
import type { Reading } from '../../agent/sense/sense.ts';
import { DAY, type Dice, dice, HOUR, NOISE, START, wave } from './detect-series.ts';

const consensus = suite('detect: what the metrics of one host say together');

/** Metrics of three families, as a host has them. */
const METRICS = [
  { name: 'cpu.percent', unit: '%', scale: 0.01, family: 0 },
  { name: 'load.1m', unit: '', scale: 0.01, family: 0 },
  { name: 'load.5m', unit: '', scale: 0.01, family: 0 },
  { name: 'pressure.cpu_some_percent', unit: '%', scale: 0.1, family: 0 },
  { name: 'process.forks_per_s', unit: '/s', scale: 0.1, family: 0 },
  { name: 'memory.used_percent', unit: '%', scale: 0.01, family: 1 },
  { name: 'memory.major_faults_per_s', unit: '/s', scale: 0.1, family: 1 },
  { name: 'pressure.memory_some_percent', unit: '%', scale: 0.1, family: 1 },
  { name: 'disk.busy_percent', unit: '%', scale: 0.1, family: 2 },
  { name: 'cpu.iowait_percent', unit: '%', scale: 0.01, family: 2 },
  { name: 'memory.dirty_mib', unit: 'MiB', scale: 1, family: 2 },
] as const;
type Name = (typeof METRICS)[number]['name'];

type Host = (name: Name, t: number) => number;

/** What happens on an ordinary host: each family has jobs and wanderings that all of its metrics feel, and noise of its own. */
function shared(seed: number): Host {
  const rolls = METRICS.map((_, i) => dice(seed * 1_000 + i));
  const causes = [0, 1, 2].map((family) => cause(dice(seed * 77 + family)));
  return (name, t) => {
    const i = METRICS.findIndex((metric) => metric.name === name);
    const felt = (causes[METRICS[i]?.family ?? 0]?.(t) ?? 0) * (1 + (i % 3) / 2);
    return Math.max(0, 6 + i + wave(t, 2) + felt + 0.8 * (rolls[i]?.normal() ?? 0));
  };
}

/** A load that wanders for hours, with a job once a day or two, at any time. */
function cause({ normal, uniform }: Dice): (t: number) => number {
  let [at, wander, end] = [-1, 0, 0];
  return (t) => {
    if (t === at) return wander + (t < end ? 3 : 0);
    at = t;
    wander = 0.995 * wander + 0.1 * normal();
    if (t >= end && uniform() < 1 / 5_760) end = t + 300 + 900 * uniform();
    return wander + (t < end ? 3 : 0);
  };
}

/** Metrics that have nothing to do with one another, of every kind of ordinary noise. */
function apart(seed: number): Host {
  const kinds = Object.values(NOISE);
  const series = METRICS.map((_, i) => kinds[(i + seed) % kinds.length]?.(dice(seed * 1_000 + i)));
  return (name, t) => (series[METRICS.findIndex((metric) => metric.name === name)]?.(t) ?? 0) / 2;
}

interface Said extends Finding {
  /** Seconds since the start. */
  readonly t: number;
}

/** Feeds a host's metrics at 30 s, to one detector or, with nobody to agree with, each to its own. */
function watch(host: Host, seconds: number, names: readonly Name[] = METRICS.map(({ name }) => name), together = true) {
  const one = new Detector();
  const detectors = new Map(names.map((name) => [name, together ? one : new Detector()]));
  const said: Said[] = [];
  for (let t = 0; t < seconds; t += 30) {
    const readings = METRICS.filter(({ name }) => names.includes(name)).map(({ name, unit, scale }): Reading => {
      return { name, unit, scale, value: host(name, t) };
    });
    const found = together
      ? one.feed(START + t * 1_000, readings)
      : readings.flatMap((reading) => detectors.get(reading.name as Name)?.feed(START + t * 1_000, [reading]) ?? []);
    said.push(...found.map((finding) => ({ ...finding, t })));
  }
  return said;
}

const anomalies = (said: readonly Said[], from = 0) => said.filter(({ kind, t }) => kind === 'anomaly' && t >= from);

consensus('what a family feels together is one alert: fewer than two thirds of what each would say by itself', () => {
  let [together, each] = [0, 0];
  for (const seed of [1, 2]) {
    together += anomalies(watch(shared(seed), 10 * DAY)).length;
    each += anomalies(watch(shared(seed), 10 * DAY, undefined, false)).length;
  }
  assert.ok(each >= 15, `${each} are too few to compare`);
  assert.ok(together <= (each * 2) / 3, `${together} against ${each}`);
});

consensus('what is weak and alone is mostly chance: no more is said than by each alone', () => {
  let [together, each] = [0, 0];
  for (const seed of [1, 2]) {
    together += anomalies(watch(apart(seed), 10 * DAY)).length;
    each += anomalies(watch(apart(seed), 10 * DAY, undefined, false)).length;
  }
  assert.ok(together <= each, `${together} against ${each}`);
});

/** A calm host on which some metrics rise by so much from `at` on. */
function rising(seed: number, by: Partial<Record<Name, number>>, at: number, to = Number.POSITIVE_INFINITY): Host {
  const rolls = new Map(METRICS.map(({ name }, i) => [name, dice(seed * 100 + i)]));
  return (name, t) => 20 + (rolls.get(name)?.normal() ?? 0) + (t >= at && t < to ? (by[name] ?? 0) : 0);
}
const AT = 4 * DAY + 5_000;

consensus('a fault that several metrics feel is said once, no later than by each alone, and names who agrees', () => {
  for (const seed of [1, 2, 3]) {
    const host = () => rising(seed, { 'cpu.percent': 9, 'load.1m': 9, 'pressure.cpu_some_percent': 9 }, AT);
    const said = anomalies(watch(host(), AT + 3 * HOUR), AT);
    assert.is(said.length, 1, said.map(({ reason }) => reason).join('\n'));
    const [first] = anomalies(watch(host(), AT + 3 * HOUR, undefined, false), AT);
    assert.ok((said[0]?.t ?? Number.NaN) <= (first?.t ?? Number.NaN));
    assert.match(said[0]?.reason ?? '', /; unusual with it: (?:load\.1m|cpu\.percent|pressure\.cpu_some_percent)/);
  }
});

consensus('a weak fault that one metric alone shows is held back by an hour at most, and is not lost', () => {
  for (const seed of [1, 2, 3]) {
    // Over the bar, and under two bars.
    const host = () => rising(seed, { 'memory.used_percent': 1.4 }, AT);
    const [alone] = anomalies(watch(host(), AT + 6 * HOUR, ['memory.used_percent']), AT);
    const [held] = anomalies(watch(host(), AT + 6 * HOUR), AT);
    assert.ok(alone !== undefined && held !== undefined);
    assert.ok(held.t > alone.t, 'its partners were calm');
    // What hovers at its bar begins to wait anew, until the hour's mean is clear of it.
    assert.ok(held.t - alone.t <= HOUR, `${held.t - alone.t} s later`);
  }
});

consensus('a strong fault that one metric alone shows is as soon as ever', () => {
  for (const seed of [1, 2, 3]) {
    const host = () => rising(seed, { 'memory.used_percent': 20 }, AT);
    const [alone] = anomalies(watch(host(), AT + HOUR, ['memory.used_percent']), AT);
    const [among] = anomalies(watch(host(), AT + HOUR), AT);
    assert.is(among?.t, alone?.t);
    assert.ok((among?.t ?? Number.NaN) - AT <= 300);
  }
});

consensus('faults of two families at once are two alerts', () => {
  const host = rising(4, { 'cpu.percent': 15, 'load.1m': 15, 'disk.busy_percent': 15, 'memory.dirty_mib': 15 }, AT);
  const said = anomalies(watch(host, AT + 2 * HOUR), AT).map(({ metric }) => metric);
  assert.is(said.length, 2, said.join());
  assert.ok(said.some((metric) => metric === 'cpu.percent' || metric === 'load.1m'));
  assert.ok(said.some((metric) => metric === 'disk.busy_percent' || metric === 'memory.dirty_mib'));
});

consensus('another fault of the family an hour later is another alert', () => {
  const first = rising(5, { 'cpu.percent': 15 }, AT);
  const later = AT + JOIN_MS / 1_000 + 1_800;
  const host: Host = (name, t) => first(name, t) + (name === 'process.forks_per_s' && t >= later ? 15 : 0);
  const said = anomalies(watch(host, later + HOUR), AT);
  assert.equal(
    said.map(({ metric }) => metric),
    ['cpu.percent', 'process.forks_per_s'],
  );
});

consensus('a hard limit speaks at the same sample, whoever of its family has spoken', () => {
  const first = rising(6, { 'load.1m': 15, 'pressure.cpu_some_percent': 15 }, AT);
  const pinned = AT + 1_200;
  const host = (): Host => {
    return (name, t) => (name === 'cpu.percent' && t >= pinned ? 100 : first(name, t));
  };
  const limited = (names?: readonly Name[]) =>
    anomalies(watch(host(), pinned + HOUR, names), pinned).find(({ signal }) => signal === 'host.cpu')?.t;
  const alone = limited(['cpu.percent']);
  assert.type(alone, 'number');
  assert.is(limited(), alone);
});

consensus('who joined and is still unusual an hour after the one that spoke has recovered is said then', () => {
  const end = AT + HOUR;
  const short = rising(7, { 'cpu.percent': 15 }, AT, end);
  const host: Host = (name, t) => short(name, t) + (name === 'load.1m' && t >= AT + 300 ? 15 : 0);
  const said = watch(host, end + 3 * HOUR).filter(({ t }) => t >= AT);
  assert.equal(
    said.map(({ kind, metric }) => `${kind} ${metric}`),
    ['anomaly cpu.percent', 'recovery cpu.percent', 'anomaly load.1m'],
  );
  const [, recovery, late] = said;
  assert.is((late?.t ?? 0) - (recovery?.t ?? 0), JOIN_MS / 1_000);
});

consensus('who joined and recovers says neither', () => {
  const end = AT + HOUR;
  const host = rising(8, { 'cpu.percent': 15, 'load.1m': 15, 'load.5m': 15 }, AT, end);
  const said = watch(host, end + 6 * HOUR).filter(({ t }) => t >= AT);
  assert.equal(
    said.map(({ kind }) => kind),
    ['anomaly', 'recovery'],
    said.map(({ reason }) => reason).join('\n'),
  );
});

consensus.run();
