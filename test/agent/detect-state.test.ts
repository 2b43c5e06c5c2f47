import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Learner } from '../../agent/detect/learner.ts';
import { alerts, DAY, dice, START, wave } from './detect-series.ts';

const state = suite('detect: learned state');

state('a restart with what was saved goes on identically', () => {
  const { normal } = dice(4);
  const values = Array.from(
    { length: (9 * DAY) / 30 },
    (_, i) => 40 + wave(i * 30, 20) + 2 * normal() + (i > (8 * DAY) / 30 ? 40 : 0),
  );
  let one = new Learner();
  const whole = new Learner();
  let said = 0;
  for (const [i, value] of values.entries()) {
    if (i % 5_003 === 5_002 || i === 3) {
      const back = Learner.fromBytes(one.toBytes());
      assert.ok(back);
      one = back;
    }
    const ts = START + i * 30_000;
    const a = one.add(ts, value);
    assert.equal(a, whole.add(ts, value));
    if (a?.alert === true) said++;
  }
  assert.ok(said > 0);
  assert.equal(one.toBytes(), whole.toBytes());
});

state('is at most 16 kB, however long it learned', () => {
  const learner = new Learner();
  const empty = learner.toBytes().length;
  alerts((t) => wave(t, 5), 20 * DAY, 0, learner);
  assert.is(learner.toBytes().length, empty);
  assert.ok(empty <= 16_384, `${empty}`);
});

state('bytes of another version, length or with damage never throw', () => {
  const learner = new Learner();
  alerts((t) => wave(t, 5), 2 * DAY, 0, learner);
  const bytes = learner.toBytes();
  assert.is(Learner.fromBytes(bytes.subarray(1)), null);
  assert.is(Learner.fromBytes(new Uint8Array(0)), null);
  const changes = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 40 });
  fc.assert(
    fc.property(changes, (places) => {
      const damaged = bytes.slice();
      for (const [at, to] of places) damaged[at] = to;
      const back = Learner.fromBytes(damaged);
      if (back === null) return;
      for (let i = 0; i < 300; i++) scored(back.add(START + 2 * DAY * 1_000 + i * 30_000, i));
    }),
  );
});

state('a slice without length, in what was saved or asked for, is refused and never waited for', () => {
  const learner = new Learner();
  alerts((t) => wave(t, 5), 2 * DAY, 0, learner);
  const bytes = learner.toBytes();
  const slice = new Float64Array([3_600_000]);
  const at = Buffer.from(bytes).indexOf(Buffer.from(slice.buffer));
  assert.ok(at > 0);
  for (const length of [1e-300, 1, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    const damaged = bytes.slice();
    damaged.set(new Uint8Array(new Float64Array([length]).buffer), at);
    assert.is(Learner.fromBytes(damaged), null);
  }
  for (const ts of [1e300, -1, Number.MAX_VALUE, -1e300]) assert.is(new Learner({ interval: 1e-300 }).add(ts, 1), null);
});

state('never throws and always scores between 0 and 1, whatever comes', () => {
  const sample = fc.tuple(fc.oneof(fc.nat(2 ** 31), fc.double(), fc.integer()), fc.oneof(fc.double(), fc.integer()));
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 300 }), fc.boolean(), (samples, rising) => {
      const learner = new Learner();
      let now = START;
      for (const [ts, value] of samples) {
        now += Number.isFinite(ts) ? Math.abs(ts) % 7_200_000 : 0;
        scored(learner.add(rising ? now : ts, value));
      }
    }),
  );
});

state('a clock that was set back starts anew, and is quiet', () => {
  const learner = new Learner();
  alerts(() => 50, 3 * DAY, 0, learner);
  assert.equal(
    alerts(() => 90, DAY, 0, learner),
    [],
  );
});

function scored(judged: ReturnType<Learner['add']>): void {
  if (judged === null) return;
  assert.ok(judged.score >= 0 && judged.score <= 1, `${judged.score}`);
}

state.run();
