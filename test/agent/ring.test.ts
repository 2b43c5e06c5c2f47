import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Ring } from '../../agent/ring/ring.ts';
import { encodeFrame } from '../../broker/frame-payload.ts';
import { tempFolder } from '../broker/site.ts';

const [BOOT_A, BOOT_B] = ['a'.repeat(16), 'b'.repeat(16)];
const metrics = [{ name: 'cpu.percent', unit: '%', scale: 0.01 }];
const SEGMENT = 65_536;
const WHOLE = { frames: 100_000, bytes: 10_000_000 };

const test = suite<{ file: string; done: () => void }>('ring');
test.before.each((context) => {
  const { path, done } = tempFolder();
  Object.assign(context, { file: join(path, 'ring'), done });
});
test.after.each(({ done }) => done());

/** Keeps frames of these numbers: a keyframe where the ring wants one, a delta of `size` bytes otherwise. */
function keep(ring: Ring, boot: string, from: number, to: number, { schema = 1, size = 80 } = {}): void {
  for (let seq = from; seq <= to; seq++) {
    const isKey = ring.prepare({ boot, schema, metrics });
    ring.add(seq, encodeFrame(isKey ? { schema, ts: seq, values: [seq] } : new Uint8Array(size)));
  }
}

/** Every frame that is to be sent, as `a1`, `a2`. */
function waiting(ring: Ring): string[] {
  const all: string[] = [];
  let place = ring.start();
  for (let next = place && ring.next(place, WHOLE); next; next = place && ring.next(place, WHOLE)) {
    all.push(...next.frames.map((_, i) => `${next?.columns.boot[0]}${(next?.seq ?? 0) + i}`));
    ({ place } = next);
  }
  return all;
}
const named = (boot: string, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${boot[0]}${from + i}`);

test('keeps what was added, in order, over restarts, starts and schemas; a killed process loses nothing', ({
  file,
}) => {
  const first = new Ring(file, 4 * SEGMENT);
  keep(first, BOOT_A, 1, 900);
  keep(first, BOOT_A, 901, 950, { schema: 2 });
  const second = new Ring(file, 4 * SEGMENT);
  keep(second, BOOT_B, 1, 20);
  for (const ring of [second, new Ring(file, 4 * SEGMENT)]) {
    assert.equal(waiting(ring), [...named(BOOT_A, 1, 950), ...named(BOOT_B, 1, 20)]);
  }
});

test('forgets what the hub has stored, of that start alone, and begins at the keyframe before what it has not', ({
  file,
}) => {
  const ring = new Ring(file, 4 * SEGMENT);
  keep(ring, BOOT_A, 1, 30);
  keep(ring, BOOT_B, 1, 30);
  ring.stored(BOOT_B, 10);
  assert.equal(waiting(ring), [...named(BOOT_A, 1, 30), ...named(BOOT_B, 1, 30)]);
  ring.stored(BOOT_A, 30);
  assert.equal(waiting(ring), named(BOOT_B, 1, 30));
  assert.equal(waiting(new Ring(file, 4 * SEGMENT)), named(BOOT_B, 1, 30));
  ring.stored(BOOT_B, 30);
  assert.equal(waiting(ring), []);
  assert.equal(waiting(new Ring(file, 4 * SEGMENT)), []);
});

test('is of fixed size: the oldest goes, what was not stored is counted, and what is left begins with a keyframe', ({
  file,
}) => {
  const ring = new Ring(file, 3 * SEGMENT);
  keep(ring, BOOT_A, 1, 6_000);
  ring.stored(BOOT_A, 2);
  const { oldest, newest, dropped } = ring.summary(BOOT_A);
  assert.equal([dropped, newest], [oldest - 1, 6_000]);
  assert.is(readFileSync(file).length, 3 * SEGMENT);
  for (const one of [ring, new Ring(file, 3 * SEGMENT)]) {
    assert.equal(waiting(one), named(BOOT_A, oldest, 6_000));
    const place = one.start();
    assert.is((place && one.next(place, WHOLE))?.frames[0]?.[0], 0x84, 'an array of four');
  }
});

test('a power cut: whatever one place of the file holds, what is read was written, and the rest goes on', ({
  file,
}) => {
  const ring = new Ring(file, 2 * SEGMENT);
  keep(ring, BOOT_A, 1, 1_000);
  ring.close();
  const whole = readFileSync(file);
  const all = new Set(waiting(new Ring(file, 2 * SEGMENT)));
  assert.is(all.size, 1_000);
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 4_096 }), fc.nat(255), (at, length, byte) => {
      writeFileSync(
        file,
        Buffer.concat([
          whole.subarray(0, at),
          Buffer.alloc(Math.min(length, whole.length - at), byte),
          whole.subarray(at + length),
        ]),
      );
      const torn = new Ring(file, 2 * SEGMENT);
      const left = waiting(torn);
      assert.ok(left.every((name) => all.has(name)));
      assert.equal(
        left,
        [...left].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1))),
      );
      keep(torn, BOOT_B, 1, 3);
      assert.equal(waiting(torn).slice(-3), named(BOOT_B, 1, 3));
      torn.close();
    }),
    { numRuns: 60 },
  );
});

test('where the disk gives no room it says so, and keeps a megabyte in memory', ({ file }) => {
  const ring = new Ring(join(file, 'no', 'folder'));
  assert.ok(ring.trouble);
  keep(ring, BOOT_A, 1, 20_000);
  const left = waiting(ring);
  assert.ok(left.length > 5_000 && left.at(-1) === 'a20000');
  assert.is(ring.dropped, 20_000 - left.length);
});

test('a disk that fails later: what comes then is kept in memory, and is whole', ({ file }) => {
  const ring = new Ring(file, 4 * SEGMENT);
  keep(ring, BOOT_A, 1, 10);
  const { storage } = ring as unknown as { storage: { write: () => void } };
  storage.write = () => {
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  };
  keep(ring, BOOT_A, 11, 40);
  assert.match(ring.trouble?.message ?? '', 'no space');
  assert.equal(waiting(ring), named(BOOT_A, 11, 40));
  assert.equal(waiting(new Ring(file, 4 * SEGMENT)), named(BOOT_A, 1, 10));
});

test.run();
