import { deflateRawSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeCbor } from '../../broker/cbor.ts';
import { newKeyPair } from '../../broker/keys.ts';
import { MessageReader } from '../../broker/message-reader.ts';
import { type Event, event as eventShape, LIMITS } from '../../broker/messages.ts';
import { withPackedSnapshot, withReadableSnapshot } from '../../broker/packed-snapshot.ts';
import { seal } from '../../broker/signed.ts';
import * as samples from './samples.ts';

const test = suite('packed snapshots');

const code = (read: () => unknown): string => {
  try {
    read();
    return 'read';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
};
const [top] = samples.snapshot.top_cpu;
assert.ok(top);
/** An alert as a host in trouble sends it: processes in several lists, and lines that resemble each other. */
const alert: Event = {
  ...samples.event,
  snapshot: {
    ...samples.snapshot,
    top_cpu: Array.from({ length: 5 }, (_, i) => ({ ...top, cpu: i + 0.5 })),
    top_mem: Array.from({ length: 5 }, (_, i) => ({ ...top, rss: i * 4_096 })),
    unit_lines: Array.from({ length: 10 }, (_, i) => ({
      text: `worker ${i}: can't write /var/spool/job-${i}: no space left on device`,
      trusted: false,
    })),
  },
};

test('an alert is less than half as long, and reads as it was', () => {
  const sent = withPackedSnapshot(alert);
  assert.ok(encodeCbor(sent).length < encodeCbor(alert).length / 2);
  assert.equal(withReadableSnapshot(eventShape(sent, '')), alert);
});

test('without a snapshot, or with a short one, an event stays as it is', () => {
  const { snapshot: _, ...bare } = alert;
  assert.is(withPackedSnapshot(bare), bare);
  const none = {
    top_cpu: [],
    top_mem: [],
    top_fds: [],
    mounts: [],
    unit_lines: [],
    log_templates: [],
    changes: [],
    facts: {},
  };
  const short: Event = { ...bare, snapshot: none };
  assert.is(withPackedSnapshot(short), short);
  assert.is(withReadableSnapshot(short), short);
});

/** Three bytes a character, as users of a host may name their processes, and what they write. */
const han = (length: number, at: (i: number) => number = () => 0): string =>
  String.fromCharCode(...Array.from({ length }, (_, i) => 0x4e00 + at(i)));

test('what users call their processes, and write, keeps no alert from being heard', () => {
  const eight = Array.from({ length: 8 }, (_, n) => ({
    ...top,
    process: { ...top.process, exe: han(512, () => n) },
    cmd: { text: han(200, () => n), trusted: false },
  }));
  const lines = Array.from({ length: 24 }, () => ({ text: han(300), trusted: false }));
  const snapshot = { ...samples.snapshot, top_cpu: eight, top_mem: eight, top_fds: eight, unit_lines: lines };
  const long: Event = { ...alert, snapshot };
  assert.ok(encodeCbor(snapshot).length > LIMITS.payload);
  const sent = withPackedSnapshot(long);
  assert.ok(encodeCbor(sent).length < LIMITS.payload);
  assert.equal(withReadableSnapshot(eventShape(sent, '')), long);
});

test('where no payload has room for the snapshot, the event goes without it', () => {
  const { snapshot: _, ...bare } = alert;
  let last = 1;
  const any = () => {
    last = (last * 48_271) % 2_147_483_647;
    return last % 20_000;
  };
  const linesOf = (at: () => number) => Array.from({ length: 128 }, () => ({ text: han(512, at), trusted: false }));
  const noise = { ...samples.snapshot, unit_lines: linesOf(any) };
  assert.equal(withPackedSnapshot({ ...alert, snapshot: noise }), bare);
  const mounts = Array.from({ length: 64 }, () => ({ path: han(1_024), type: 'ext4', total: 1, used: 1 }));
  const long = { ...samples.snapshot, unit_lines: linesOf(() => 0), mounts };
  assert.equal(withPackedSnapshot({ ...alert, snapshot: long }), bare, 'it would be refused once it is inflated');
});

test('who watches reads the snapshot, and what a newer agent says besides', () => {
  const reader = new MessageReader({ root: null, agents: new Map() });
  const read = (message: unknown) =>
    reader.read('s/1/web-1/e', seal('event', encodeCbor(message), newKeyPair())).message as object;
  assert.equal(read(withPackedSnapshot(alert)), alert);
  assert.ok('newer' in read({ ...samples.event, newer: 5 }));
});

test('bytes that are no snapshot are refused by a code, however long they would become', () => {
  const read = (packed: Uint8Array) => code(() => withReadableSnapshot({ ...alert, packed }));
  assert.is(read(Buffer.alloc(40, 0xff)), 'E_MESSAGE_SHAPE');
  assert.is(read(new Uint8Array()), 'E_MESSAGE_SHAPE');
  assert.is(read(deflateRawSync(Buffer.from('text'))), 'E_CBOR');
  assert.is(read(deflateRawSync(encodeCbor({ ...alert.snapshot, mounts: 1 }))), 'E_MESSAGE_SHAPE');
  const bomb = deflateRawSync(Buffer.alloc(100 * LIMITS.payload));
  assert.ok(bomb.length < LIMITS.payload);
  assert.is(read(bomb), 'E_MESSAGE_SHAPE');
});

test.run();
