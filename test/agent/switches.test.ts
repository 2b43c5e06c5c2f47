import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Detector } from '../../agent/detect/detector.ts';
import { parseDropIn } from '../../agent/drop-in/drop-in.ts';
import { WatchError } from '../../agent/drop-in/watch-error.ts';
import { isOn, SENSE_NAMES, SENSES } from '../../agent/sense/all-senses.ts';
import { DisksSense } from '../../agent/sense/disks.ts';
import { ProcFiles } from '../../agent/sense/proc-files.ts';
import { Sensor } from '../../agent/sense/sensor.ts';
import { Watch } from '../../agent/watch.ts';

const test = suite('watch: switches and tags');

/** A sensor of this host, the folder of its drop-ins, and its metrics without their labels. */
function host() {
  const dir = mkdtempSync(join(tmpdir(), 'sentinel-watch-'));
  const watch = new Watch(dir);
  const sensor = new Sensor({ proc: new ProcFiles(), watch, cores: 1 });
  const say = (text: string, name = 'a.yaml') => writeFileSync(join(dir, name), `version: 1\n${text}`);
  const kinds = async () => new Set((await sensor.sample()).readings.map(({ name }) => name.split('[', 1)[0]));
  return { dir, watch, sensor, say, kinds, end: () => rmSync(dir, { recursive: true }) };
}

test('a sense is switched off and on again while the agent runs', async () => {
  const { sensor, say, kinds, end } = host();
  assert.ok((await kinds()).has('load.1m'));
  assert.ok(sensor.find(DisksSense) !== undefined);
  const before = sensor.metrics().map(({ name }) => name);
  say('senses: {load: off, disks: off}\n');
  const after = await kinds();
  assert.is(after.has('load.1m'), false);
  assert.is(after.has('disk.used_percent'), false);
  assert.ok(after.has('memory.used_percent'));
  assert.is(sensor.find(DisksSense), undefined);
  assert.equal(sensor.disks.disks(), [], 'what was seen before is not now');
  say('senses: {disks: on}\n');
  await sensor.sample();
  assert.equal(
    sensor.metrics().map(({ name }) => name),
    before,
    'metrics stand where they stood before',
  );
  end();
});

test('what a sense needs runs for it, without metrics of its own', async () => {
  const { sensor, say, kinds, end } = host();
  say(
    `senses: {processes: off}\ngroups: [{name: own, match: {comm: ${JSON.stringify(sensor.proc.head('self/comm').trim())}}, memory_mib: 1}]\n`,
  );
  const seen = await kinds();
  assert.is(seen.has('process.count'), false);
  assert.ok(sensor.groups.members('own').length > 0);
  say('senses: {processes: off, groups: off, files: off}\n');
  await sensor.sample();
  assert.is(sensor.processes.rows().length, 0);
  assert.equal(sensor.groups.members('own'), []);
  end();
});

test('a closed sensor has nothing running, and begins anew', async () => {
  const { sensor, end } = host();
  await sensor.sample();
  const before = sensor.find(DisksSense);
  sensor.close();
  assert.is(sensor.find(DisksSense), undefined);
  await sensor.sample();
  assert.is(sensor.find(DisksSense), before);
  end();
});

test('every need is a sense', () => {
  for (const { needs } of Object.values(SENSES)) assert.ok(needs === undefined || SENSE_NAMES.includes(needs));
  for (const name of SENSE_NAMES) assert.is(isOn(name, new Map([[name, false]])), false);
});

const wrong: readonly (readonly [line: number, text: string, words: RegExp])[] = [
  [3, 'senses:\n  cpus: off\n', /unknown key cpus; known keys: cpu, memory/],
  [3, 'senses:\n  cpu: 1\n', /neither on nor off/],
  [2, 'senses: off\n', /not a map/],
  [3, 'tags:\n  - a b\n', /a tag is no word/],
  [2, `tags: [${Array.from({ length: 33 }, (_, i) => `t${i}`)}]\n`, /over 32 tags/],
];
for (const [line, text, words] of wrong) {
  test(`refuses ${JSON.stringify(text.slice(0, 30))} in line ${line}`, () => {
    try {
      parseDropIn('a.yaml', `version: 1\n${text}`);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, WatchError);
      assert.is((error as WatchError).line, line);
      assert.match((error as WatchError).message, words);
    }
  });
}

test('of two files that differ the first holds, and the second is told; tags are joined', () => {
  const { watch, say, end } = host();
  say('senses: {cpu: off}\ntags: [database, site=north]\n', 'a.yaml');
  say('senses: {cpu: on, load: off}\ntags: [site=north, primary]\n', 'b.yaml');
  watch.refresh();
  assert.equal(
    [...watch.declared().senses],
    [
      ['cpu', false],
      ['load', false],
    ],
  );
  assert.equal(watch.declared().tags, ['database', 'site=north', 'primary']);
  assert.equal(
    watch.errors().map(({ code }) => code),
    ['E_WATCH_FIELD'],
  );
  end();
});

test('tags that change move the next severity', () => {
  const detector = new Detector();
  const feed = (from: number) =>
    [0, 1, 2].flatMap((i) =>
      detector.feed((from + i) * 1_000, [{ name: 'memory.used_percent', unit: '%', scale: 0.01, value: 93 }]),
    );
  assert.is(feed(0)[0]?.severity, 'warning');
  detector.tags = ['role=database'];
  assert.is(feed(60)[0]?.severity, 'critical');
});

test('a metric may be healthy above its limit', () => {
  const detector = new Detector([
    {
      signal: 'x.left',
      metric: 'x.left_days',
      what: 'days left',
      at: 14,
      healthy: 'above',
      samples: 3,
      ms: 0,
      severity: 'warning',
      critical: 3,
      why: 'a fortnight is what a site needs to act',
    },
  ]);
  const feed = (from: number, values: readonly number[]) =>
    values.flatMap((value, i) =>
      detector.feed((from + i) * 1_000, [{ name: 'x.left_days', unit: 'days', scale: 0.1, value }]),
    );
  const [said] = feed(0, [30, 30, 14, 13.9, 13.8]);
  assert.is(said?.severity, 'warning');
  assert.equal(said?.limit, { value: 14, healthy: 'above' });
  assert.match(said?.reason ?? '', /^Days left: 13.8 days, under the limit of 14 days/);
  assert.equal(feed(5, [14.5, 14.5, 14.5]), [], 'within the hysteresis');
  const [back] = feed(8, [90, 90, 90]);
  assert.match(back?.reason ?? '', /90 days, over the limit of 14 days again/);
  assert.is(feed(100, [30, 1, 1, 1])[0]?.severity, 'critical');
});

test.run();
