import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Sensor } from '../../agent/sense/sensor.ts';
import { Watch } from '../../agent/watch.ts';
import { type Chain, followBatch } from '../../broker/frame-chain.ts';
import { FrameCoder, KEYFRAME_EVERY } from '../../broker/frame-coder.ts';
import { unscale } from '../../broker/frames.ts';
import { ProcTree } from './proc-tree.ts';

const test = suite('deadband');

/** What a reader gets of these readings of one metric, by the frames that an agent sends. */
function carried(readings: readonly (number | null)[], metric: { scale: number; deadband?: number }) {
  const metrics = [{ name: 'm', unit: '', ...metric }];
  const coder = new FrameCoder();
  let chain: Chain = { last: 0, step: null };
  let bytes = 0;
  const values = readings.map((value, i) => {
    const wire = coder.next({ schema: 1, ts: i * 1_000, values: [value] }, metrics);
    if (wire instanceof Uint8Array) bytes += wire.length;
    const followed = followBatch(chain, { seq: coder.seq, frames: [wire] }, { schema: 1, metrics });
    chain = followed.chain;
    const [step] = followed.steps;
    if (step === undefined) throw new Error('a frame was not taken');
    return unscale(step.frame, metrics).get('m') ?? null;
  });
  return { values, bytes };
}

const reading = fc.oneof(
  { weight: 9, arbitrary: fc.double({ min: -100, max: 100, noNaN: true }) },
  { weight: 1, arbitrary: fc.constant(null) },
);

test('what a reader gets is never further from the reading than the deadband, nor is a null made up', () => {
  const scale = fc.constantFrom(0.01, 0.1, 1, 4);
  const within = fc.double({ min: 0.01, max: 20, noNaN: true });
  void fc.assert(
    fc.property(fc.array(reading, { maxLength: 60 }), scale, within, (readings, scale, deadband) => {
      const { values } = carried(readings, { scale, deadband });
      const most = Math.max(deadband, scale / 2) + 1e-9;
      for (const [i, value] of values.entries()) {
        const said = readings[i] ?? null;
        if (said === null || value === null) assert.is(value, said);
        else assert.ok(Math.abs(value - said) <= most, `${said} came as ${value}, within ${most}`);
      }
    }),
  );
});

test('it saves bytes where a value trembles; every keyframe is exact; without it every change comes', () => {
  const readings = [...Array(2 * KEYFRAME_EVERY).keys()].map((i) => 50 + (i % 2) * 0.3);
  const lossless = carried(readings, { scale: 0.1 });
  assert.equal(lossless.values, readings);
  const lossy = carried(readings, { scale: 0.1, deadband: 0.5 });
  assert.ok(lossy.bytes < lossless.bytes, `${lossy.bytes} bytes against ${lossless.bytes}`);
  assert.is(lossy.values[KEYFRAME_EVERY], readings[KEYFRAME_EVERY]);
  assert.is(new Set(lossy.values).size, 1);
});

test('is declared by the site, named in the metrics, and a change of it is a new schema', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-deadband-'));
  const tree = new ProcTree({ stat: 'cpu  10 0 10 80 0 0 0 0 0 0\ncpu0 10 0 10 80 0 0 0 0 0 0\n' });
  try {
    const watch = new Watch(folder);
    const sensor = new Sensor({ proc: tree.files, watch, cores: 2 });
    const deadbands = () =>
      sensor.metrics().flatMap(({ name, deadband }) => (deadband === undefined ? [] : [`${name} ${deadband}`]));
    await sensor.sample();
    assert.equal([sensor.schema(), deadbands()], [1, []]);
    const file = join(folder, 'thin.yaml');
    writeFileSync(file, 'version: 1\ndeadband:\n  - { metric: cpu.percent, within: 0.5 }\n');
    await sensor.sample();
    assert.equal([sensor.schema(), deadbands()], [2, ['cpu.percent 0.5']]);
    writeFileSync(file, 'version: 1\ntags: [thin]\ndeadband:\n  - { metric: cpu.percent, within: 0.5 }\n');
    await sensor.sample();
    assert.is(sensor.schema(), 2, 'the same deadband is the same schema');
    writeFileSync(file, 'version: 1\ndeadband:\n  - { metric: "cpu*percent", within: 0.5 }\n');
    await sensor.sample();
    assert.match(watch.errors().join(), /no name/);
    assert.equal(deadbands(), ['cpu.percent 0.5'], 'what held before still holds');
    sensor.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
