import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Outbox, type Waiting } from '../../agent/outbox.ts';
import { Sender } from '../../agent/sender.ts';

const test = suite<{ folder: string }>('outbox');
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'sentinel-outbox-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

const [BOOT_A, BOOT_B] = ['a'.repeat(16), 'b'.repeat(16)];
const message = (seq: number, boot = BOOT_A): Waiting => ({
  boot,
  seq,
  channel: seq % 2 === 0 ? 'r' : 'e',
  payload: new Uint8Array([seq % 256]),
});
const seqs = (waiting: readonly Waiting[]): string[] => waiting.map(({ boot, seq }) => `${boot[0]}${seq}`);

test('keeps what was added, in order, over a restart and over boots', ({ folder }) => {
  const first = new Outbox(folder);
  for (const seq of [1, 2, 10, 11]) first.add(message(seq));
  const second = new Outbox(folder);
  second.add(message(1, BOOT_B));
  for (const box of [second, new Outbox(folder)]) {
    assert.equal(seqs(box.all()), ['a1', 'a2', 'a10', 'a11', 'b1']);
    assert.equal(
      box.all().map(({ payload, channel }) => [...payload, channel]),
      [
        [1, 'e'],
        [2, 'r'],
        [10, 'r'],
        [11, 'e'],
        [1, 'e'],
      ],
    );
  }
});

test('forgets what the hub has stored, of that boot alone', ({ folder }) => {
  const box = new Outbox(folder);
  for (const seq of [1, 2, 3]) box.add(message(seq));
  for (const seq of [1, 2, 3]) box.add(message(seq, BOOT_B));
  box.stored(BOOT_A, 2);
  assert.equal(seqs(box.all()), ['a3', 'b1', 'b2', 'b3']);
  box.stored(BOOT_B, 99);
  box.stored('c'.repeat(16), 99);
  assert.equal(seqs(new Outbox(folder).all()), ['a3']);
});

test('other files, and what a crash left half-written, are no messages', ({ folder }) => {
  const box = new Outbox(folder);
  box.add(message(1));
  const [name = ''] = readdirSync(folder);
  for (const other of [`${name}.4242.new`, 'README', '..e', `${name}x`]) writeFileSync(join(folder, other), 'x');
  assert.equal(seqs(new Outbox(folder).all()), ['a1']);
});

test('is bounded: the oldest goes, and how many went is known', ({ folder }) => {
  const box = new Outbox(folder);
  for (let seq = 1; seq <= 2_003; seq++) box.add(message(seq));
  assert.is(box.dropped, 3);
  assert.is(readdirSync(folder).length, 2_000);
  assert.is(box.all()[0]?.seq, 4);
});

test('where the disk takes nothing it says so, and keeps the message in memory', ({ folder }) => {
  const box = new Outbox(folder);
  rmSync(folder, { recursive: true });
  assert.throws(() => box.add(message(1)));
  assert.equal(seqs(box.all()), ['a1']);
});

/** A connection that answers when told to, so that a test decides what overlaps. */
function slowLink() {
  const carried: string[] = [];
  const answers: ((taken: boolean) => void)[] = [];
  const publish = ({ boot, seq }: Waiting): Promise<boolean> => {
    carried.push(`${boot[0]}${seq}`);
    return new Promise((resolve) => answers.push(resolve));
  };
  const tick = () => new Promise((resolve) => setImmediate(resolve));
  const answer = async (taken: boolean): Promise<void> => {
    answers.shift()?.(taken);
    await tick();
  };
  return { carried, publish, answer, tick };
}

test('what is added while a backlog is sent waits its turn', async ({ folder }) => {
  const box = new Outbox(folder);
  for (const seq of [1, 2, 3]) box.add(message(seq));
  const link = slowLink();
  const sender = new Sender(box, link.publish);
  sender.open();
  await link.tick();
  assert.equal(link.carried, ['a1']);
  box.add(message(4));
  void sender.flush();
  await link.tick();
  assert.equal(link.carried, ['a1']);
  for (let i = 0; i < 4; i++) await link.answer(true);
  assert.equal(link.carried, ['a1', 'a2', 'a3', 'a4']);
});

test('what was not acknowledged is not overtaken: nothing goes before it is sent again', async ({ folder }) => {
  const box = new Outbox(folder);
  for (const seq of [1, 2]) box.add(message(seq));
  const link = slowLink();
  const sender = new Sender(box, link.publish);
  sender.open();
  await link.tick();
  await link.answer(false);
  assert.equal(link.carried, ['a1']);
  box.add(message(3));
  void sender.flush();
  await link.tick();
  for (let i = 0; i < 3; i++) await link.answer(true);
  assert.equal(link.carried, ['a1', 'a1', 'a2', 'a3']);
});

test('a new connection is told everything that the hub has not stored; a closed one nothing', async ({ folder }) => {
  const box = new Outbox(folder);
  for (const seq of [1, 2]) box.add(message(seq));
  const link = slowLink();
  const sender = new Sender(box, link.publish);
  await sender.flush();
  assert.equal(link.carried, []);
  sender.open();
  for (let i = 0; i < 3; i++) await link.answer(true);
  sender.shut();
  box.add(message(3));
  await sender.flush();
  assert.equal(link.carried, ['a1', 'a2']);
  box.stored(BOOT_A, 1);
  sender.open();
  for (let i = 0; i < 3; i++) await link.answer(true);
  assert.equal(link.carried, ['a1', 'a2', 'a2', 'a3']);
});

test.run();
