import { deflateRawSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeCbor } from '../../broker/cbor.ts';
import { type Event, event as eventShape, LIMITS } from '../../broker/messages.ts';
import { withPackedSnapshot, withReadableSnapshot } from '../../broker/packed-snapshot.ts';
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
