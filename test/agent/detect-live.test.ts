import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Detector, type DetectorOptions } from '../../agent/detect/detector.ts';
import { confidenceOf } from '../../agent/detect/explain.ts';
import type { Finding } from '../../agent/detect/finding.ts';
import { packLearned, unpackLearned } from '../../agent/detect/saved.ts';
import { severityForRole, severityOfSigma } from '../../agent/detect/severity.ts';
import { event } from '../../broker/messages.ts';
import { DAY, dice, HOUR, type Series, START } from './detect-series.ts';

const VAR = 'disk.used_percent[/var]';
const reading = (value: number | null, name = VAR, unit = '%') => ({ name, unit, scale: 0.01, value });

function feed(detector: Detector, series: Series, from: number, to: number, name = VAR, unit = '%') {
  const said: { t: number; finding: Finding }[] = [];
  for (let t = from; t < to; t += 30) {
    for (const finding of detector.feed(START + t * 1_000, [reading(series(t), name, unit)])) said.push({ t, finding });
  }
  for (const { finding } of said) event({ ...finding, agent: 'a', boot: '0'.repeat(16), seq: 1, ts: START }, '');
  return said;
}

function learned(options: DetectorOptions = {}, name = VAR, unit = '%', level = 71) {
  const { normal } = dice(1);
  const detector = new Detector(undefined, options);
  const usual = () => level + 0.2 * normal();
  assert.equal(feed(detector, usual, 0, 2 * DAY, name, unit), []);
  return { detector, usual };
}

const test = suite('detect: learned beside limits');

test('an unusual level is said once under its limit, with numbers, and recovers once', () => {
  const { detector, usual } = learned();
  const said = feed(detector, (t) => usual() + (t < 2 * DAY + HOUR ? 12 : 0), 2 * DAY, 2 * DAY + 4 * HOUR);
  assert.equal(
    said.map(({ finding }) => finding.kind),
    ['anomaly', 'recovery'],
  );
  const [anomaly, recovery] = said;
  assert.ok(anomaly && recovery);
  assert.ok(anomaly.t - 2 * DAY <= 300);
  assert.is(anomaly.finding.signal, 'disk.space');
  assert.is(anomaly.finding.fingerprint, 'disk.space:/var');
  assert.is(recovery.finding.fingerprint, 'disk.space:/var');
  assert.ok((anomaly.finding.sigma ?? 0) > 5);
  assert.is(anomaly.finding.confidence, 1);
  assert.is(recovery.finding.confidence, undefined);
  assert.is(anomaly.finding.severity, 'critical');
  assert.is(anomaly.finding.limit.healthy, 'below');
  assert.match(anomaly.finding.reason, /^Space in use on \/var: .*above the 7.* to 7.* of 2 days.*\.$/);
  assert.match(recovery.finding.reason, /back in its usual range after/);
});

test('what falls is healthy above', () => {
  const { detector, usual } = learned({}, 'network.rx_bytes_per_s', '/s', 5_000);
  const said = feed(detector, () => usual() - 4_000, 2 * DAY, 2 * DAY + HOUR, 'network.rx_bytes_per_s', '/s');
  assert.is(said.length, 1);
  assert.is(said[0]?.finding.limit.healthy, 'above');
  assert.is(said[0]?.finding.signal, 'network.rx_bytes_per_s');
});

test('a hard limit speaks alone, and its recovery ends what was learned to be unusual', () => {
  const { detector, usual } = learned();
  const said = feed(
    detector,
    (t) => (t < 2 * DAY + HOUR ? usual() + 15 : t < 2 * DAY + 2 * HOUR ? 95 : usual()),
    2 * DAY,
    2 * DAY + 6 * HOUR,
  );
  const first = said.filter(({ t }) => t < 2 * DAY + HOUR).map(({ finding }) => finding.limit.value);
  assert.is(first.length, 1);
  assert.ok((first[0] ?? 90) < 90);
  const later = said.filter(({ t }) => t >= 2 * DAY + HOUR);
  assert.ok(later.every(({ finding }) => finding.limit.value === 90));
  assert.equal(later.filter(({ finding }) => finding.kind === 'recovery').length, 1);
});

test('what never comes back is taken as usual after two days, and said so', () => {
  const { detector, usual } = learned();
  const said = feed(detector, () => usual() + 12, 2 * DAY, 6 * DAY);
  assert.equal(
    said.map(({ finding }) => finding.kind),
    ['anomaly', 'recovery'],
  );
  assert.match(said[1]?.finding.reason ?? '', /taken as usual now, after 2 days/);
});

test('an unusual metric that is gone recovers; one with a gap does not', () => {
  const { detector, usual } = learned();
  assert.is(feed(detector, () => usual() + 12, 2 * DAY, 2 * DAY + HOUR).length, 1);
  assert.equal(
    feed(detector, () => null, 2 * DAY + HOUR, 2 * DAY + 2 * HOUR),
    [],
  );
  const said = feed(detector, () => 1, 2 * DAY + 2 * HOUR, 2 * DAY + 3 * HOUR, 'memory.used_percent');
  assert.equal(
    said.map(({ finding }) => [finding.kind, finding.fingerprint]),
    [['recovery', 'disk.space:/var']],
  );
});

test('growth tells when it is full', () => {
  const { detector, usual } = learned();
  const [said] = feed(detector, (t) => usual() + (10 * (t - 2 * DAY)) / HOUR, 2 * DAY, 2 * DAY + 1.8 * HOUR);
  assert.ok(said);
  assert.ok((said.finding.eta ?? 0) > 1.5 * HOUR);
  assert.match(said.finding.reason, /full in /);
});

test('what was saved is learned already in the next run', () => {
  const { detector } = learned();
  const saved = unpackLearned(packLearned(detector.save()));
  assert.equal([...saved.keys()], [VAR]);
  const next = new Detector(undefined, { saved });
  assert.is(feed(next, () => 83, 2 * DAY, 2 * DAY + HOUR).length, 1);
  assert.is(feed(new Detector(), () => 83, 2 * DAY, 2 * DAY + HOUR).length, 0);
});

test('a damaged file of what was saved never throws', () => {
  const file = packLearned(learned().detector.save());
  fc.assert(
    fc.property(
      fc.nat(file.length),
      fc.array(fc.tuple(fc.nat(60), fc.integer({ min: 0, max: 255 }))),
      (cut, places) => {
        const damaged = file.slice(0, cut);
        for (const [at, to] of places) if (at < damaged.length) damaged[at] = to;
        new Detector(undefined, { saved: unpackLearned(damaged) }).feed(START, [reading(1)]);
      },
    ),
  );
});

test('severity follows sigma, then the role', () => {
  assert.equal([2, 3, 4.9, 5].map(severityOfSigma), ['info', 'warning', 'warning', 'critical']);
  assert.equal([2.5, 4, 5, 60].map(confidenceOf), [0.5, 0.8, 1, 1]);
  assert.is(severityForRole('warning', []), 'warning');
  assert.is(severityForRole('warning', ['role=database']), 'critical');
  assert.is(severityForRole('warning', ['log-server']), 'info');
  assert.is(severityForRole('info', ['env:test']), 'info');
  assert.is(severityForRole('warning', ['test', 'plc']), 'critical');
});

test('a hard limit on a database is critical, on a log server an info', () => {
  const said = (tags: readonly string[]) =>
    feed(new Detector(undefined, { tags }), () => 92, 0, 300)[0]?.finding.severity;
  assert.equal([said([]), said(['role=database']), said(['log'])], ['warning', 'critical', 'info']);
});

test.run();
