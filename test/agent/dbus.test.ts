import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Background } from '../../agent/sense/background.ts';
import { askDbus } from '../../agent/sense/dbus/ask.ts';
import { readUnits } from '../../agent/sense/dbus/failed-units.ts';
import { DbusError, decodeReply, encodeCall, messageLength, Reader } from '../../agent/sense/dbus/message.ts';

const CALL = { destination: 'a.b', path: '/a', interface: 'a.b.C', member: 'List', texts: ['failed'] };

/** A method return to call 2 with this body, as a daemon would send it. */
function answer(body: Buffer): Buffer {
  const head = Buffer.alloc(24);
  head.write('l');
  head[1] = 2;
  head[3] = 1;
  head.writeUInt32LE(body.length, 4);
  head.writeUInt32LE(9, 8);
  head.writeUInt32LE(8, 12);
  // The field REPLY_SERIAL (5) of type u, value 2.
  Buffer.from([5, 1, 0x75, 0]).copy(head, 16);
  head.writeUInt32LE(2, 20);
  return Buffer.concat([head, body]);
}

/** Puts values one behind the other, each aligned as it must be. */
class Body {
  bytes = Buffer.alloc(0);

  align(to: number): this {
    return this.add(Buffer.alloc((to - (this.bytes.length % to)) % to));
  }

  add(bytes: Buffer): this {
    this.bytes = Buffer.concat([this.bytes, bytes]);
    return this;
  }

  uint32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return this.align(4).add(bytes);
  }

  text(value: string): this {
    return this.uint32(Buffer.byteLength(value)).add(Buffer.from(`${value}\0`));
  }
}

function unitList(units: readonly (readonly [name: string, active: string])[]): Buffer {
  const items = new Body();
  for (const [name, active] of units) {
    items.align(8);
    for (const value of [name, 'what it is', 'loaded', active, active, '', '/unit']) items.text(value);
    items.uint32(0).text('').text('/');
  }
  return new Body().uint32(items.bytes.length).align(8).add(items.bytes).bytes;
}

const codec = suite('d-bus messages');

codec('a list of units is read; only what has failed', () => {
  const body = unitList([
    ['a.service', 'failed'],
    ['longer-name.timer', 'active'],
    ['c.mount', 'failed'],
  ]);
  assert.equal(readUnits(decodeReply(answer(body)).body), ['a.service', 'c.mount']);
  assert.equal(readUnits(decodeReply(answer(unitList([]))).body), []);
});

codec('a call is aligned as the specification says', () => {
  for (const member of ['L', 'Li', 'Lis', 'List', 'ListUnitsFiltered']) {
    const bytes = encodeCall({ ...CALL, member, serial: 1 });
    assert.is(messageLength(bytes), bytes.length);
    assert.is(decodeReply(bytes).type, 1);
  }
});

codec('bytes of any kind, whole or cut: a value or a coded refusal', () => {
  const good = answer(unitList([['a.service', 'failed']]));
  const refused = (work: () => unknown): void => {
    try {
      work();
    } catch (error) {
      assert.instance(error, DbusError);
    }
  };
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, value]) => {
      const copy = Buffer.from(good);
      copy[at] = value;
      return copy;
    }),
    fc.nat(good.length).map((length) => good.subarray(0, length)),
  );
  fc.assert(
    fc.property(bytes, (some) => {
      const input = Buffer.from(some);
      refused(() => messageLength(input));
      refused(() => input.length >= 16 && readUnits(decodeReply(input).body));
      refused(() => readUnits(new Reader(input, true)));
    }),
    { numRuns: 2_000 },
  );
});
codec.run();

const asking = suite<{ dir: string; path: string; server: Server }>('a question over d-bus');
asking.before.each((context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'sentinel-dbus-'));
  context.path = join(context.dir, 'bus');
});
asking.after.each(({ dir, server }) => {
  server?.close();
  rmSync(dir, { recursive: true });
});

/** A peer that lets anybody in, and then says `after` to whatever it hears. */
const serve = (context: { path: string; server: Server }, after: Buffer): Promise<void> => {
  context.server = createServer((socket) => {
    let greeted = false;
    socket.on('error', () => {});
    socket.on('data', () => {
      socket.write(greeted ? after : 'OK 0123456789abcdef\r\n');
      greeted = true;
    });
  });
  return new Promise((resolve) => context.server.listen(context.path, resolve));
};

asking('is answered', async (context) => {
  await serve(context, answer(unitList([['a.service', 'failed']])));
  const body = await askDbus(context.path, CALL, { bus: false, signal: AbortSignal.timeout(60_000) });
  assert.equal(readUnits(body), ['a.service']);
});

asking('ends when it is aborted, when nobody is there, and when the answer is no message', async (context) => {
  const rejects = async (signal: AbortSignal): Promise<string> => {
    try {
      await askDbus(context.path, CALL, { bus: false, signal });
    } catch (error) {
      return String(error);
    }
    return 'answered';
  };
  assert.match(await rejects(AbortSignal.timeout(60_000)), /ENOENT/);
  await serve(context, Buffer.from('no message at all, and long enough'));
  assert.match(await rejects(AbortSignal.timeout(60_000)), /no known byte order/);
  context.server.close();
  context.path += '2';
  await serve(context, Buffer.alloc(0));
  assert.match(await rejects(AbortSignal.timeout(200)), /no answer in time/);
});
asking.run();

const background = suite('a look off the hot path');

background('one at a time, an old answer meanwhile, none when it is too old', async () => {
  const ends: ((value: number) => void)[] = [];
  const look = new Background<number>({
    ...{ everyMs: 1_000, deadlineMs: 60_000 },
    look: () => new Promise((resolve) => void ends.push(resolve)),
  });
  assert.is(look.value(0), null);
  look.value(5_000);
  assert.is(ends.length, 1, 'the first has not ended');
  ends[0]?.(7);
  await sleep(0);
  assert.is(look.value(500), 7);
  assert.is(look.value(3_000), 7);
  assert.is(ends.length, 2);
  assert.is(look.value(3_001), null);
  look.stop();
});

background('what takes too long, or fails, is an error and no answer', async () => {
  const late = new Background<number>({ everyMs: 1, deadlineMs: 10, look: () => new Promise(() => {}) });
  const wrong = new Background<number>({ everyMs: 1, deadlineMs: 60_000, look: () => Promise.reject(new Error('no')) });
  for (const look of [late, wrong]) {
    assert.is(look.value(0), null);
    while (look.looks === 0) await sleep(5);
    assert.ok(look.error !== null);
  }
});
background.run();
