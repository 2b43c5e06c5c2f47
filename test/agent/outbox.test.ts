import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Outbox, WAITING_MAX } from '../../agent/outbox/outbox.ts';
import type { Message } from '../../agent/outbox/records.ts';

const test = suite<{ file: string }>('outbox');
test.before.each((context) => {
  context.file = join(mkdtempSync(join(tmpdir(), 'sentinel-outbox-')), 'outbox.ring');
});
test.after.each(({ file }) => rmSync(join(file, '..'), { recursive: true, force: true }));

const [BOOT_A, BOOT_B] = ['a'.repeat(16), 'b'.repeat(16)];
const message = (seq: number, boot = BOOT_A, size = 1): Message => ({
  boot,
  seq,
  channel: seq % 2 === 0 ? 'r' : 'e',
  lane: `lane ${seq % 3}`,
  payload: new Uint8Array(size).fill(seq % 256),
});
const nth = (box: Outbox, i: number) => {
  const waiting = box.waiting().at(i);
  if (waiting === undefined) throw new Error(`none waits at ${i}`);
  return waiting;
};
const names = (box: Outbox): string[] => box.waiting().map(({ boot, seq }) => `${boot[0]}${seq}`);

test('keeps what was added, in order, over a restart and over boots', ({ file }) => {
  const first = new Outbox(file);
  for (const seq of [1, 2, 10, 11]) first.add(message(seq));
  // Not closed: the process was killed.
  const second = new Outbox(file);
  second.add(message(1, BOOT_B));
  for (const box of [second, new Outbox(file)]) {
    assert.equal(names(box), ['a1', 'a2', 'a10', 'a11', 'b1']);
    assert.equal(
      box.waiting().map((one) => [...(box.payload(one) ?? []), one.channel, one.lane]),
      [
        [1, 'e', 'lane 1'],
        [2, 'r', 'lane 2'],
        [10, 'r', 'lane 1'],
        [11, 'e', 'lane 2'],
        [1, 'e', 'lane 1'],
      ],
    );
  }
});

test('forgets what the hub has stored, of that boot alone, and for good', ({ file }) => {
  const box = new Outbox(file);
  for (const seq of [1, 2, 3, 4]) box.add(message(seq));
  for (const seq of [1, 2, 3]) box.add(message(seq, BOOT_B));
  box.stored(BOOT_A, 1, 1);
  box.stored(BOOT_A, 3, 4);
  assert.equal(names(box), ['a2', 'b1', 'b2', 'b3']);
  box.stored(BOOT_B, 1, 99);
  box.stored('c'.repeat(16), 1, 99);
  assert.equal(names(new Outbox(file)), ['a2']);
});

test('the file never grows: the oldest goes, its number is named, over a restart too, until the hub knows', ({
  file,
}) => {
  const size = 16_384;
  const box = new Outbox(file, size);
  for (let seq = 1; seq <= 40; seq++) box.add(message(seq, BOOT_A, 1_000));
  assert.is(statSync(file).size, size);
  const kept = box.waiting().map(({ seq }) => seq);
  assert.is(kept.at(-1), 40);
  assert.ok(kept.length >= 12, `${kept.length} are kept`);
  const [oldest = 0] = kept;
  assert.equal(
    kept,
    [...Array(41 - oldest).keys()].map((i) => oldest + i),
  );
  const again = new Outbox(file, size);
  for (const one of [box, again]) {
    assert.equal(one.lost(), [{ boot: BOOT_A, from: 1, to: oldest - 1 }]);
    assert.is(one.dropped, oldest - 1);
  }
  for (const one of again.waiting()) assert.equal(again.payload(one), message(one.seq, BOOT_A, 1_000).payload);
  again.stored(BOOT_A, 1, oldest - 1);
  assert.equal(again.lost(), []);
  assert.equal(new Outbox(file, size).lost(), []);
});

test('is bounded in number too', ({ file }) => {
  const box = new Outbox(file);
  for (let seq = 1; seq <= WAITING_MAX + 3; seq++) box.add(message(seq));
  assert.is(box.dropped, 3);
  assert.is(box.waiting().length, WAITING_MAX);
  assert.is(box.waiting()[0]?.seq, 4);
});

test('a damaged record costs itself alone', ({ file }) => {
  const box = new Outbox(file);
  for (const seq of [1, 2, 3]) box.add(message(seq, BOOT_A, 200));
  const bytes = readFileSync(file);
  const second = bytes.indexOf(Buffer.alloc(200, 2));
  bytes[second + 100] = 99;
  writeFileSync(file, bytes);
  assert.is(box.payload(nth(box, 1)), null, 'what is not as it was is not sent');
  assert.equal(box.lost(), [{ boot: BOOT_A, from: 2, to: 2 }]);
  assert.equal(names(new Outbox(file)), ['a1', 'a3']);
});

test('what a message holds is not taken for a record, not even a whole record of another file', ({ file }) => {
  const other = new Outbox(`${file}.other`);
  other.add(message(7, BOOT_B));
  const record = readFileSync(`${file}.other`).subarray(16, 200);
  const size = 4_096;
  const box = new Outbox(file, size);
  // It lies where the head of its own record is overwritten next and the rest of it is not.
  box.add({ ...message(1), payload: Buffer.concat([Buffer.alloc(1_500), record]) });
  box.add(message(2, BOOT_A, 1_800));
  box.add(message(3, BOOT_A, 300));
  box.add(message(4, BOOT_A, 300));
  assert.not.match(names(new Outbox(file, size)).join(), 'b7');
});

test('where the disk takes nothing it says so, and keeps a bounded amount in memory', ({ file }) => {
  const box = new Outbox(join(file, 'no-folder', 'outbox.ring'));
  assert.is.not(box.trouble, null);
  for (let seq = 1; seq <= 40; seq++) box.add(message(seq, BOOT_A, 60_000));
  assert.equal(box.payload(nth(box, -1)), message(40, BOOT_A, 60_000).payload);
  assert.is(box.waiting().length, Math.floor(1_048_576 / 60_000));
  assert.is(box.dropped, 40 - box.waiting().length);
});

test('whatever is added, stored and restarted: each message waits, was stored, or is named as lost', ({ file }) => {
  const act = fc.oneof(
    { weight: 6, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 3_000 }) }) },
    {
      weight: 2,
      arbitrary: fc.record({ from: fc.integer({ min: 1, max: 60 }), more: fc.integer({ min: 0, max: 10 }) }),
    },
    { weight: 1, arbitrary: fc.constant('restart' as const) },
  );
  let run = 0;
  void fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const path = `${file}.${++run}`;
      let box = new Outbox(path, 20_000);
      let seq = 0;
      const stored = new Set<number>();
      for (const one of acts) {
        if (one === 'restart') box = new Outbox(path, 20_000);
        else if ('add' in one) box.add(message(++seq, BOOT_A, one.add));
        else {
          box.stored(BOOT_A, one.from, one.from + one.more);
          for (let i = one.from; i <= Math.min(seq, one.from + one.more); i++) stored.add(i);
        }
        const waiting = box.waiting();
        for (const { seq } of waiting) assert.not.ok(stored.has(seq), `${seq} was stored`);
        const lost = box.lost().flatMap(({ from, to }) => [...Array(to - from + 1).keys()].map((i) => from + i));
        const known = new Set([...stored, ...lost, ...waiting.map(({ seq }) => seq)]);
        for (let i = 1; i <= seq; i++) assert.ok(known.has(i), `${i} is nowhere`);
      }
      for (const one of box.waiting()) assert.is(box.payload(one)?.[0], one.seq % 256);
      box.close();
      rmSync(path);
      rmSync(`${path}.lost`, { force: true });
    }),
    { numRuns: 25 },
  );
});

test.run();
