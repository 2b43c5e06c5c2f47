import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Outbox } from '../../agent/outbox/outbox.ts';
import { Sender } from '../../agent/sender.ts';

const test = suite<{ folder: string; box: Outbox }>('sender');
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'sentinel-sender-'));
  context.box = new Outbox(join(context.folder, 'outbox.ring'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

const BOOT = 'a'.repeat(16);
let seq = 0;
/** Adds a message whose payload names it: `disk 1` is the first of the lane `disk`. */
const add = (box: Outbox, name: string, channel: 'e' | 'r' = 'e') =>
  box.add({ boot: BOOT, seq: ++seq, channel, lane: name.split(' ')[0] ?? '', payload: Buffer.from(name) });

/** A connection that answers when told to, so that a test decides what overlaps. */
function slowLink() {
  const carried: string[] = [];
  let answers: ((taken: boolean) => void)[] = [];
  let heard: () => void = () => {};
  const publish = (_: string, payload: Uint8Array): Promise<boolean> => {
    carried.push(Buffer.from(payload).toString());
    heard();
    return new Promise((resolve) => answers.push(resolve));
  };
  const next = () =>
    new Promise<void>((resolve) => {
      heard = resolve;
    });
  /** Answers what is under way and waits for what follows it. */
  const go = async (taken = true): Promise<void> => {
    const following = next();
    const [answer] = answers;
    answers = answers.slice(1);
    answer?.(taken);
    await following;
  };
  return { carried, publish, go };
}

test('the newest trouble goes first, and each in its own order', async ({ box }) => {
  for (const name of ['disk 1', 'cpu 1', 'disk 2', 'memory 1', 'cpu 2']) add(box, name);
  const link = slowLink();
  const sender = new Sender(box, link.publish);
  sender.open();
  for (let i = 0; i < 4; i++) await link.go();
  assert.equal(link.carried, ['cpu 1', 'cpu 2', 'memory 1', 'disk 1', 'disk 2']);
});

test('the results of an order stay in order, beside an event of the same name', async ({ box }) => {
  for (const name of ['01A 1', '01A 2', '01A 3']) add(box, name, 'r');
  add(box, '01A event');
  const link = slowLink();
  new Sender(box, link.publish).open();
  for (let i = 0; i < 3; i++) await link.go();
  assert.equal(link.carried, ['01A event', '01A 1', '01A 2', '01A 3']);
});

test('an alert that comes while a backlog is sent goes before the rest of it', async ({ box }) => {
  for (const name of ['a 1', 'b 1', 'c 1']) add(box, name);
  const link = slowLink();
  const sender = new Sender(box, link.publish);
  sender.open();
  add(box, 'alert 1');
  sender.go();
  for (let i = 0; i < 3; i++) await link.go();
  assert.equal(link.carried, ['c 1', 'alert 1', 'b 1', 'a 1']);
});

test('an alert of a trouble that waits does not overtake what was said of it before', async ({ box }) => {
  for (const name of ['a 1', 'b 1']) add(box, name);
  const link = slowLink();
  const sender = new Sender(box, link.publish);
  sender.open();
  add(box, 'a 2');
  sender.go();
  for (let i = 0; i < 2; i++) await link.go();
  assert.equal(link.carried, ['b 1', 'a 1', 'a 2']);
});

test('a new connection is told everything that the hub has not stored; a closed one nothing', async ({ box }) => {
  const first = seq + 1;
  for (const name of ['a 1', 'a 2']) add(box, name);
  const carried: string[] = [];
  let taken = true;
  const sender = new Sender(box, (_, payload) => {
    carried.push(Buffer.from(payload).toString());
    return Promise.resolve(taken);
  });
  await sender.flush();
  assert.equal(carried, []);
  sender.open();
  await sender.flush();
  assert.equal(carried.splice(0), ['a 1', 'a 2']);
  add(box, 'a 3');
  await sender.flush();
  assert.equal(carried.splice(0), ['a 3'], 'each once in a connection');
  sender.shut();
  add(box, 'a 4');
  await sender.flush();
  assert.equal(carried, []);
  box.stored(BOOT, first, first);
  taken = false;
  sender.open();
  await sender.flush();
  assert.equal(new Set(carried.splice(0)), new Set(['a 2']), 'nothing overtakes what was not acknowledged');
  taken = true;
  sender.open();
  await sender.flush();
  assert.equal(carried, ['a 2', 'a 3', 'a 4']);
});

test.run();
