import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Detector } from '../../agent/detect/detector.ts';
import type { Finding } from '../../agent/detect/finding.ts';
import { LIMITS } from '../../agent/detect/limits.ts';
import type { Reading } from '../../agent/sense/sense.ts';
import { event } from '../../broker/messages.ts';

const T0 = 1_700_000_000_000;
const percent = (value: number | null, name = 'memory.used_percent'): Reading => ({
  name,
  unit: '%',
  scale: 0.01,
  value,
});

/** Feeds one metric, a value for each step of `every` milliseconds. */
function feed(
  detector: Detector,
  values: readonly (number | null)[],
  every = 1_000,
  from = T0,
  name?: string,
): Finding[] {
  return values.flatMap((value, i) => detector.feed(from + i * every, [percent(value, name)]));
}

/** What the contract of the message allows. */
function check(finding: Finding): void {
  event({ ...finding, agent: 'a', boot: '0'.repeat(16), seq: 1, ts: T0 }, '');
}

const test = suite('detect');

test('every limit says why, and no metric has two', () => {
  for (const { why } of LIMITS) assert.ok(why.length > 20);
  assert.is(new Set(LIMITS.map(({ metric }) => metric)).size, LIMITS.length);
});

test('fires once when it held for three samples, with its numbers', () => {
  const findings = feed(new Detector(), [...Array(60).fill(50), 93, 94, 95, 96]);
  assert.is(findings.length, 1);
  const [finding] = findings;
  assert.ok(finding);
  check(finding);
  assert.is(finding.kind, 'anomaly');
  assert.is(finding.signal, 'host.memory');
  assert.is(finding.fingerprint, 'host.memory:host');
  assert.is(finding.severity, 'warning');
  assert.equal(finding.limit, { value: 92, healthy: 'below' });
  assert.ok(Math.abs((finding.baseline?.mean ?? 0) - 50) < 0.01);
  assert.ok((finding.sigma ?? 0) > 10);
  assert.ok((finding.trend_per_hour ?? 0) > 0);
  assert.ok((finding.eta ?? 0) > 0);
  assert.match(
    finding.reason,
    /^Memory in use: 95 %, over the limit of 92 %, for 3 samples in 2 s, against 50 % before/,
  );
});

test('one or two samples over the limit are nothing', () => {
  assert.equal(feed(new Detector(), [50, 99, 99, 50, 99, 50, 99, 99, 50]), []);
});

test('repeats once a minute, and recovers once, behind the hysteresis', () => {
  const detector = new Detector();
  const on = feed(detector, Array(130).fill(98));
  assert.equal(
    on.map(({ kind, severity }) => `${kind} ${severity}`),
    ['anomaly critical', 'anomaly critical', 'anomaly critical'],
  );
  // 92 less five hundredths is 87.4: between the two it is neither trouble nor over.
  assert.equal(feed(detector, Array(30).fill(90), 1_000, T0 + 130_000), []);
  const off = feed(detector, [80, 80, 90, 80, 80, 80, 80], 1_000, T0 + 160_000);
  assert.equal(
    off.map(({ kind }) => kind),
    ['recovery'],
  );
  assert.ok(off[0]);
  check(off[0]);
  assert.match(off[0].reason, /80 %, under the limit of 92 % again after/);
});

test('a value that swings around the limit is one trouble', () => {
  const findings = feed(new Detector(), [93, 93, 93, ...Array.from({ length: 50 }, (_, i) => (i % 2 ? 93 : 91))]);
  assert.is(findings.length, 1);
});

test('cpu must hold for a minute, at any interval', () => {
  for (const every of [1_000, 5_000, 10_000, 30_000]) {
    const detector = new Detector();
    const findings = feed(detector, Array(120).fill(99), every, T0, 'cpu.percent');
    assert.ok(findings.length > 0, `at ${every}`);
    const short = new Detector();
    assert.equal(feed(short, Array(Math.ceil(60_000 / every)).fill(99), every, T0, 'cpu.percent'), [], `at ${every}`);
  }
});

test('a gap is no trouble: nulls neither count nor hide, a long silence begins anew', () => {
  assert.is(feed(new Detector(), [99, null, 99, null, 99]).length, 1);
  const detector = new Detector();
  feed(detector, [10, 10, 99, 99]);
  assert.equal(detector.feed(T0 + 600_000, [percent(99)]), []);
  assert.equal(detector.feed(T0 + 601_000, [percent(99)]), []);
  assert.is(detector.feed(T0 + 602_000, [percent(99)]).length, 1);
});

test('a clock that jumps back neither throws nor silences', () => {
  const detector = new Detector();
  assert.is(feed(detector, [99, 99, 99]).length, 1);
  const later = feed(detector, [99, 99, 99, 99], 1_000, T0 - 86_400_000);
  assert.ok(later.length >= 1 && later.every(({ kind }) => kind === 'anomaly'));
});

test('budgets are what the site declared; without one there is no limit', () => {
  const group = (value: number, limit?: number): Reading => ({
    name: 'group.memory_mib[web]',
    unit: 'MiB',
    scale: 0.1,
    value,
    ...(limit === undefined ? {} : { limit }),
  });
  const detector = new Detector();
  for (let i = 0; i < 20; i++) assert.equal(detector.feed(T0 + i * 1_000, [group(10_000)]), []);
  const findings = [20, 21, 22].flatMap((i) => detector.feed(T0 + i * 1_000, [group(200, 128)]));
  assert.is(findings.length, 1);
  assert.is(findings[0]?.fingerprint, 'group.memory:web');
  assert.match(findings[0]?.reason ?? '', /^Memory of the group web: 200 MiB, over its budget of 128 MiB/);
});

test('a disk that fills at one percent a minute says when', () => {
  const findings = feed(
    new Detector(),
    Array.from({ length: 60 }, (_, i) => 81 + i / 6),
    10_000,
    T0,
    'disk.used_percent[/var]',
  );
  const [finding] = findings;
  assert.ok(finding);
  assert.is(finding.fingerprint, 'disk.space:/var');
  assert.ok(Math.abs((finding.trend_per_hour ?? 0) - 60) < 1, String(finding.trend_per_hour));
  assert.ok(Math.abs((finding.eta ?? 0) - 580) < 40, String(finding.eta));
  assert.match(finding.reason, /full in \d+ min/);
});

const anyReading = fc.record({
  name: fc.oneof(
    fc.constantFrom(...LIMITS.map(({ metric }) => metric)),
    fc.constantFrom(...LIMITS.map(({ metric }) => `${metric}[x]`)),
    fc.string(),
  ),
  unit: fc.string({ maxLength: 16 }),
  scale: fc.constantFrom(0.01, 1),
  value: fc.oneof(fc.constant(null), fc.double(), fc.integer()),
  limit: fc.double(),
});

test('anything may be fed: it never throws, and what it says fits the message', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.double(), fc.array(anyReading, { maxLength: 5 })), { maxLength: 60 }),
      (samples) => {
        const detector = new Detector();
        for (const [ts, readings] of samples) for (const finding of detector.feed(ts, readings)) check(finding);
      },
    ),
  );
});

test('never fires on nulls or on a constant good series', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...LIMITS),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.integer({ min: 100, max: 60_000 }),
      fc.array(fc.boolean(), { minLength: 20, maxLength: 200 }),
      (limit, share, every, gaps) => {
        const bound = limit.at === 'declared' ? 50 : limit.at;
        const detector = new Detector();
        gaps.forEach((gap, i) => {
          const good = limit.healthy === 'above' ? bound * (1.001 + share) : bound * share;
          const value = gap ? null : good;
          const reading = { name: `${limit.metric}[x]`, unit: '', scale: 0.01, value, limit: 50 };
          assert.equal(detector.feed(T0 + i * every, [reading]), []);
        });
      },
    ),
  );
});
test('an active metric that is gone from the samples recovers; one that only has no value does not', () => {
  const detector = new Detector();
  const mount = 'disk.used_percent[/mnt/x]';
  assert.is(feed(detector, [95, 95, 95], 1_000, T0, mount).at(-1)?.kind, 'anomaly');
  assert.equal(feed(detector, [null, null, null, null], 1_000, T0 + 3_000, mount), []);
  const others = [1, 2, 3, 4].flatMap((n) => detector.feed(T0 + (7 + n) * 1_000, [percent(50)]));
  assert.is(others.length, 1);
  const [finding] = others;
  assert.ok(finding);
  check(finding);
  assert.is(finding.kind, 'recovery');
  assert.is(finding.fingerprint, 'disk.space:/mnt/x');
  assert.match(finding.reason, 'no longer there');
});

test.run();
