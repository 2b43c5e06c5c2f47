import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCbor } from '../../broker/cbor.ts';
import { secretHash } from '../../broker/enroll.ts';
import { type Chain, type Followed, followBatch } from '../../broker/frame-chain.ts';
import { KEYFRAME_EVERY, type Sensed } from '../../broker/frame-coder.ts';
import { packDelta, unpackDelta } from '../../broker/frame-delta.ts';
import { MAC_ITEM_BYTES, openBatch, readBatch, sealBatch } from '../../broker/frame-payload.ts';
import { scaled, unscale } from '../../broker/frames.ts';
import type { Frame, Metric } from '../../broker/messages.ts';
import { telemetryMac } from '../../broker/telemetry-mac.ts';
import { FrameWriter } from './frame-writer.ts';

const hash = secretHash('secret');
const boot = '0123456789abcdef';
const START: Chain = { last: 0, step: null };
const metrics: readonly Metric[] = [
  { name: 'cpu.percent', unit: '%', scale: 0.1 },
  { name: 'mem.used', unit: 'B', scale: 1_024 },
  { name: 'load', unit: '', scale: 0.01 },
];
const code = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');
const CODES = ['E_SIGNATURE', 'E_CBOR', 'E_MESSAGE_SHAPE', 'E_FRAME', 'E_FRAME_OLD', 'E_FRAME_GAP', 'E_FRAME_SCHEMA'];
const writerOf = (batch = 1) => new FrameWriter({ boot, secretHash: hash, batch });
const at = (ts: number, values: Sensed['values'] = [1, 2, 3], schema = 1): Sensed => ({ schema, ts, values });
/** Metrics of whole numbers, so that a test's values are the wire's. */
const whole = (count: number): readonly Metric[] =>
  Array.from({ length: count }, (_, i) => ({ name: `n${i}`, unit: '', scale: 1 }));
const only = (payloads: readonly Uint8Array[]): Uint8Array => {
  const [payload, ...more] = payloads;
  assert.ok(payload !== undefined && more.length === 0);
  return payload;
};
const follow = (chain: Chain, payload: Uint8Array, schema = 1, count = 3): Followed & { frames: readonly Frame[] } => {
  const followed = followBatch(chain, openBatch(payload, boot, hash), { schema, metrics: { length: count } });
  return { ...followed, frames: followed.steps.map(({ frame }) => frame) };
};

const frames = suite('telemetry frames');

frames('values come back at their metric’s resolution', () => {
  const value = fc.option(fc.double({ noNaN: true, min: -1e12, max: 1e12 }));
  void fc.assert(
    fc.property(fc.array(value, { minLength: 3, maxLength: 3 }), (values) => {
      const [frame] = follow(START, only(writerOf().add(at(5, values), metrics))).frames;
      assert.ok(frame);
      const back = unscale(frame, metrics);
      for (const [i, { name, scale }] of metrics.entries()) {
        const [sent, got] = [values[i] ?? null, back.get(name) ?? null];
        if (sent === null) assert.is(got, null);
        // Half a step of the scale, and what a double of that size can't hold.
        else assert.ok(Math.abs((got ?? Number.NaN) - sent) <= scale / 2 + Math.abs(sent) * 1e-12, `${sent} ${got}`);
      }
    }),
  );
});

frames('a scale that is a decimal fraction gives the double nearest to the decimal', () => {
  const hundredth = [{ name: 'x', unit: '%', scale: 0.01 }];
  for (const [n, value] of [
    [7, 0.07],
    [1_234, 12.34],
    [29, 0.29],
  ] as const) {
    assert.is(unscale({ values: [n] }, hundredth).get('x'), value);
    assert.equal(scaled([value], hundredth), [n]);
  }
});

frames('a reading that is no number, or that no integer holds, is null and costs no other', () => {
  const read = (values: readonly number[]) => follow(START, only(writerOf().add(at(1, values), metrics))).frames[0];
  assert.equal(read([Number.NaN, Number.POSITIVE_INFINITY, 5])?.values, [null, null, 500]);
  assert.equal(read([1e300, -1e300, 5])?.values, [null, null, 500]);
});

frames('a payload of one frame is read as the general decoder reads it, whatever became of its bytes', () => {
  const integer = fc.oneof(fc.integer({ min: -300, max: 300 }), fc.maxSafeInteger());
  const keyframe = fc.record({
    schema: fc.integer({ min: 1 }),
    ts: fc.integer({ min: 0, max: 8_640_000_000_000_000 }),
    values: fc.array(fc.option(integer), { maxLength: 40 }),
  });
  const frame = fc.oneof(keyframe, fc.uint8Array({ maxLength: 300 }));
  const seq = fc.integer({ min: 1, max: 2 ** 31 - 1 });
  const general = (payload: Uint8Array) => {
    const [first, ...items] = decodeCbor(payload) as unknown[];
    const read = (item: unknown) =>
      Array.isArray(item) ? { schema: item[1], ts: item[2], values: item.slice(3) } : item;
    return { seq: first, frames: items.slice(0, -1).map(read) };
  };
  void fc.assert(
    fc.property(seq, frame, fc.nat(), fc.nat(255), (first, one, at, byte) => {
      const payload = sealBatch({ seq: first, frames: [one] }, boot, hash);
      assert.equal(readBatch(payload), general(payload));
      payload[at % (payload.length - MAC_ITEM_BYTES)] = byte;
      let batch: ReturnType<typeof readBatch> | null = null;
      try {
        batch = readBatch(payload);
      } catch (error) {
        assert.ok(CODES.includes(code(error)), String(error));
      }
      if (batch !== null) assert.equal(batch, general(payload));
    }),
    { numRuns: 1_000 },
  );
});

frames('another agent’s secret, another start, and any changed byte are refused', () => {
  const payload = only(writerOf().add(at(1), metrics));
  const refused = (bytes: Uint8Array, start = boot, secret = hash) =>
    assert.throws(
      () => openBatch(bytes, start, secret),
      (error: unknown) => code(error) === 'E_SIGNATURE',
    );
  refused(payload, boot, secretHash('other'));
  refused(payload, 'fedcba9876543210');
  refused(new Uint8Array(0));
  for (let i = 0; i < payload.length; i++) {
    refused(payload.slice(0, i));
    const changed = payload.slice();
    changed[i] = (changed[i] ?? 0) ^ 1;
    refused(changed);
  }
});

frames('a keyframe comes first, every 20, after a restart, and when the metrics change', () => {
  const writer = writerOf();
  const isKeyframe = (sensed: Sensed, of = metrics): boolean =>
    !(openBatch(only(writer.add(sensed, of)), boot, hash).frames[0] instanceof Uint8Array);
  const kinds = Array.from({ length: 2 * KEYFRAME_EVERY + 1 }, (_, i) => isKeyframe(at(i)));
  assert.equal(
    kinds.flatMap((is, i) => (is ? [i] : [])),
    [0, KEYFRAME_EVERY, 2 * KEYFRAME_EVERY],
  );
  writer.restart();
  assert.ok(isKeyframe(at(100)));
  assert.not(isKeyframe(at(101)));
  assert.ok(isKeyframe(at(102, [1, 2, 3], 2)));
});

frames('a batch holds its frames until it is full, and is in order after a sample that could not be sent', () => {
  const writer = writerOf(3);
  const seqs = (payloads: readonly Uint8Array[]) =>
    payloads.map((payload) => [openBatch(payload, boot, hash).seq, openBatch(payload, boot, hash).frames.length]);
  assert.equal(writer.add(at(1), metrics), []);
  assert.equal(writer.add(at(2), metrics), []);
  assert.equal(seqs(writer.add(at(3), metrics)), [[1, 3]]);
  writer.add(at(4), metrics);
  writer.skip();
  writer.skip();
  assert.equal(seqs(writer.add(at(7), metrics)), [
    [4, 1],
    [7, 1],
  ]);
  assert.equal(writer.flush(), []);
});

frames('payloads of version 1 that were recorded on a host are still read as they were then', () => {
  const file = join(fileURLToPath(new URL('.', import.meta.url)), '../../../fixtures/telemetry/v1.json');
  const old = JSON.parse(readFileSync(file, 'utf8')) as {
    boot: string;
    secret: string;
    schema: number;
    payloads: string[];
    frames: Frame[];
  };
  const expected = { schema: old.schema, metrics: { length: old.frames[0]?.values.length ?? 0 } };
  let chain = START;
  const read: Frame[] = [];
  for (const payload of old.payloads) {
    const batch = openBatch(new Uint8Array(Buffer.from(payload, 'hex')), old.boot, secretHash(old.secret));
    const followed = followBatch(chain, batch, expected);
    chain = followed.chain;
    read.push(...followed.steps.map(({ frame }) => frame));
  }
  assert.ok(read.length >= 20);
  assert.equal(read, old.frames);
});

frames.run();

/** Values with nulls, long stays, small steps and the largest jumps. */
const extreme = fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });
const reading = fc.option(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer(), extreme), { freq: 4 });
const samples = fc
  .array(
    fc.record({
      // A new schema has another number of metrics: the worst that a reader could mix up.
      schema: fc.integer({ min: 1, max: 2 }),
      step: fc.oneof(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -1e12, max: 1e12 })),
      values: fc.array(reading, { minLength: 19, maxLength: 19 }),
      same: fc.boolean(),
    }),
    { maxLength: 60 },
  )
  .map((made) => {
    let ts = 1_700_000_000_000;
    let before: readonly (number | null)[] = [];
    return made.map(({ schema, step, values, same }): Sensed => {
      ts = Math.min(8.64e15, Math.max(0, ts + 2_000 + step));
      before = same && before.length > 0 ? before : values;
      return { schema, ts, values: before.slice(0, schema === 1 ? 19 : 16) };
    });
  });
const sizeOf = (schema: number) => (schema === 1 ? 19 : 16);

/** All payloads for these samples, with the schema under which each was made. */
function payloadsOf(sensed: readonly Sensed[], batch: number): { payload: Uint8Array; schema: number }[] {
  const writer = writerOf(batch);
  const made: { payload: Uint8Array; schema: number }[] = [];
  let schema = 0;
  const keep = (payloads: readonly Uint8Array[]) => made.push(...payloads.map((payload) => ({ payload, schema })));
  for (const sample of sensed) {
    if (sample.schema !== schema) keep(writer.flush());
    schema = sample.schema;
    keep(writer.add(sample, whole(sizeOf(schema))));
  }
  keep(writer.flush());
  return made;
}

const chains = suite('chains of frames');

chains('any samples come back exactly, whatever the batch', () => {
  void fc.assert(
    fc.property(samples, fc.integer({ min: 1, max: 12 }), (sensed, batch) => {
      let chain = START;
      const read: Frame[] = [];
      for (const { payload, schema } of payloadsOf(sensed, batch)) {
        const followed = follow(chain, payload, schema, sizeOf(schema));
        assert.equal([followed.gaps, followed.dropped], [[], []]);
        chain = followed.chain;
        read.push(...followed.frames);
      }
      const sent = sensed.map(({ schema, ts, values }, i) => ({ schema, seq: i + 1, ts, values }));
      assert.equal(JSON.stringify(read.map(sorted)), JSON.stringify(sent.map(sorted)));
    }),
    { numRuns: 300 },
  );
});

const sorted = ({ schema, seq, ts, values }: Frame) => [schema, seq, ts, values];

chains('lost, repeated and disordered payloads lead to no wrong value, and every loss is a named gap', () => {
  const fate = fc.array(fc.constantFrom('sent', 'sent', 'sent', 'lost', 'twice', 'late'), { maxLength: 60 });
  void fc.assert(
    fc.property(samples, fate, fc.integer({ min: 1, max: 4 }), (sensed, fates, batch) => {
      const late: { payload: Uint8Array; schema: number }[] = [];
      const arriving = payloadsOf(sensed, batch).flatMap((made, i) => {
        const due = late.splice(0);
        if (fates[i] === 'lost') return due;
        if (fates[i] === 'late') late.push(made);
        return fates[i] === 'late' ? due : fates[i] === 'twice' ? [made, made, ...due] : [made, ...due];
      });
      let chain = START;
      const taken = new Set<number>();
      const missing = new Set<number>();
      for (const { payload, schema } of arriving) {
        const followed = follow(chain, payload, schema, sizeOf(schema));
        for (const { from, to } of followed.gaps) for (let seq = from; seq <= to; seq++) missing.add(seq);
        for (const frame of followed.frames) {
          assert.not(taken.has(frame.seq));
          taken.add(frame.seq);
          const source = sensed[frame.seq - 1];
          assert.equal([frame.schema, frame.ts, frame.values], [source?.schema, source?.ts, source?.values]);
        }
        for (const { code } of followed.dropped) assert.ok(['E_FRAME_GAP', 'E_FRAME_OLD'].includes(code), code);
        chain = followed.chain;
      }
      for (let seq = 1; seq <= chain.last; seq++) assert.is(taken.has(seq), !missing.has(seq), `sample ${seq}`);
    }),
    { numRuns: 300 },
  );
});

chains('a frame is old, without predecessor, or of another schema: counted apart, and nothing changes', () => {
  const writer = writerOf();
  const [one, two, three] = [1, 2, 3].map((ts) => only(writer.add(at(ts), metrics)));
  assert.ok(one && two && three);
  const { chain } = follow(START, one);
  const codes = (from: Chain, payload: Uint8Array, schema = 1, count = 3) => {
    const followed = follow(from, payload, schema, count);
    assert.equal([followed.frames, followed.gaps, followed.chain], [[], [], from]);
    return followed.dropped.map((error) => error.code);
  };
  assert.equal(codes(chain, one), ['E_FRAME_OLD']);
  assert.equal(codes(chain, three), ['E_FRAME_GAP']);
  assert.equal(codes({ last: 1, step: null }, two), ['E_FRAME_GAP']);
  assert.equal(codes(chain, two, 2), ['E_FRAME_GAP']);
  assert.equal(codes(START, one, 2), ['E_FRAME_SCHEMA']);
  assert.equal(codes(START, one, 1, 4), ['E_FRAME_SCHEMA']);
});

chains('a hub that knows only the last number takes the next keyframe, and names what it could not read', () => {
  const writer = writerOf();
  const payloads = Array.from({ length: KEYFRAME_EVERY + 1 }, (_, i) => only(writer.add(at(i), metrics)));
  const followed = follow({ last: 5, step: null }, payloads.at(-1) ?? new Uint8Array());
  assert.equal(followed.gaps, [{ from: 6, to: KEYFRAME_EVERY }]);
  assert.equal(followed.chain.last, KEYFRAME_EVERY + 1);
});

chains.run();

const hostile = suite('hostile frames');
const RUNS = { numRuns: 3_000 } as const;
const step = { frame: { schema: 1, seq: 1, ts: 1_000, values: [1, null, -5, 2 ** 53 - 1] }, dt: 10 };

hostile('random bytes as a delta give a frame or a coded error, and what is taken is in bounds', () => {
  void fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        const { frame } = unpackDelta(step, bytes);
        assert.ok(frame.values.every((value) => value === null || Number.isSafeInteger(value)));
        assert.ok(Number.isSafeInteger(frame.ts) && frame.ts >= 0);
        assert.is(frame.values.length, 4);
      } catch (error) {
        assert.is(code(error), 'E_FRAME');
      }
    }),
    RUNS,
  );
});

hostile('random bytes under a right MAC, and changed payloads under one, throw coded errors alone', () => {
  const sealAnything = (covered: Uint8Array): Uint8Array => {
    const mac = telemetryMac(boot, covered, hash);
    return new Uint8Array(Buffer.concat([covered, Buffer.from([0x50]), mac]));
  };
  const batch = sealBatch(
    { seq: 1, frames: [{ schema: 1, ts: 5, values: [1, null, -3] }, Uint8Array.of(0, 1, 2)] },
    boot,
    hash,
  );
  const body = batch.subarray(0, -MAC_ITEM_BYTES);
  const mutated = fc.tuple(fc.nat(body.length - 1), fc.nat(255), fc.nat(body.length)).map(([i, byte, cut]) => {
    const copy = body.slice(0, cut % 3 === 0 ? cut : body.length);
    if (i < copy.length) copy[i] = byte;
    return copy;
  });
  void fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), (covered) => {
      try {
        const followed = follow(START, sealAnything(covered));
        for (const { values } of followed.frames) {
          assert.is(values.length, 3);
          assert.ok(values.every((value) => value === null || Number.isSafeInteger(value)));
        }
      } catch (error) {
        assert.ok(CODES.includes(code(error)), String(error));
      }
    }),
    RUNS,
  );
});

hostile('a keyframe whose version is a map, which no text can be made of, is refused like any other', () => {
  const covered = Uint8Array.from([132, 1, 134, 160, 1, 5, 1, 246, 34, 67, 0, 1, 2]);
  const mac = telemetryMac(boot, covered, hash);
  const payload = new Uint8Array(Buffer.concat([covered, Buffer.from([0x50]), mac]));
  assert.throws(
    () => openBatch(payload, boot, hash),
    (error: unknown) => code(error) === 'E_FRAME',
  );
});

hostile('a delta with bytes after its end, a change of no value, or a number beyond 2^53 is refused', () => {
  const good = packDelta(step, { schema: 1, ts: 1_010, values: [2, null, -5, 2 ** 53 - 1] });
  assert.equal(good, Uint8Array.of(0, 0b1, 2));
  for (const bad of [
    [0, 0b1, 2, 0],
    [0, 0b1_0001, 2, 2],
    [0, 0b1],
    [0],
    [],
    [0, 0b1000, 2],
    [0, 0b1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
    [0, 0b1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0],
  ]) {
    assert.throws(
      () => unpackDelta(step, Uint8Array.from(bad)),
      (error: unknown) => code(error) === 'E_FRAME',
      String(bad),
    );
  }
});

hostile.run();
