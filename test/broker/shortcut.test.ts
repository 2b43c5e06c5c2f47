import { connect, type Socket } from 'node:net';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BROKER } from '../../broker/broker-limits.ts';
import { secretHash } from '../../broker/enroll.ts';
import { LIMITS } from '../../broker/messages.ts';
import { PacketScanner } from '../../broker/packet-scanner.ts';
import { Shortcut } from '../../broker/shortcut.ts';
import { connectPacket, PINGREQ, packet, publishPacket, RawReader, subscribePacket } from './mqtt-bytes.ts';
import { isGranted, openBroker, type TestBroker, testAgent, until } from './site.ts';

const TOPIC = 's/1/web-1/m';
const web = testAgent('web-1');

const scanning = suite('telemetry in a stream of packets');

/** What comes of these bytes, in the order in which it came: what was taken, and what a parser behind it sees. */
function through(chunks: readonly Buffer[], isOpen = () => true): string[] {
  const seen: string[] = [];
  const scanner = new PacketScanner(() => {});
  const shortcut = new Shortcut(TOPIC, isOpen, (id, payload) => seen.push(`took ${id} ${payload.toString('hex')}`));
  const reader = new RawReader(({ type, body }) => seen.push(packet(type, body).toString('hex')));
  scanner.scan(connectPacket('web-1', 'secret'));
  scanner.letIn(shortcut);
  for (const chunk of chunks) {
    for (let rest: Buffer | null = chunk; rest !== null; ) {
      const scanned = scanner.scan(rest);
      if (scanned.passed !== null) reader.read(scanned.passed);
      rest = scanned.rest;
    }
  }
  return seen;
}

const cut = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...ends, bytes.length]
    .map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))
    .filter((part) => part.length > 0);
};

const telemetry = fc
  .tuple(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 65_535 }), fc.boolean())
  .map(([payload, id, isAgain]) => {
    const bytes = publishPacket(TOPIC, payload, { id });
    if (isAgain) bytes[0] = 0x3a;
    return { bytes, seen: `took ${id} ${Buffer.from(payload).toString('hex')}` };
  });
const asItIs = (bytes: Buffer) => ({ bytes, seen: bytes.toString('hex') });
/** What is not to be taken, or not so. */
const other = fc.constantFrom(
  ...[
    PINGREQ,
    subscribePacket('s/1/web-1/c', 1),
    publishPacket(TOPIC, Buffer.from('at QoS 0')),
    publishPacket(TOPIC, Buffer.from('retained'), { id: 3, retain: true }),
    publishPacket('s/1/web-1/e', Buffer.from('an event'), { id: 4 }),
    publishPacket('s/1/web-2/m', Buffer.from('of another'), { id: 5 }),
    publishPacket(`${TOPIC}/more`, Buffer.from('a longer topic'), { id: 6 }),
    publishPacket('s/1/web-1', Buffer.from('/m: a shorter topic'), { id: 7 }),
    publishPacket('t', Buffer.alloc(0), { id: 8 }),
    // QoS 1 with the number 0, which no packet may have; and QoS 2.
    packet(0x32, publishPacket(TOPIC, Buffer.alloc(3), { id: 256 }).subarray(2).fill(0, 13, 15)),
    packet(0x34, publishPacket(TOPIC, Buffer.alloc(3), { id: 9 }).subarray(2)),
    // Shorter than its own topic, and a topic that says it is longer than the packet.
    packet(0x32, Buffer.from([0, 11, 0x73])),
    packet(0x32, Buffer.from([0xff, 0xff, 0x73, 0x2f])),
  ].map(asItIs),
);

scanning('it is taken whole and in its place, and all else passes as it is, wherever the stream is cut', () => {
  void fc.assert(
    fc.property(
      fc.array(fc.oneof(telemetry, other), { maxLength: 12 }),
      fc.array(fc.nat(4_000), { maxLength: 12 }),
      (said, places) => {
        const seen = through(cut(Buffer.concat(said.map(({ bytes }) => bytes)), places));
        assert.equal(
          seen,
          said.map((one) => one.seen),
        );
      },
    ),
    { numRuns: 500 },
  );
});

scanning('the largest is taken, byte by byte too; one that is larger passes', () => {
  const largest = publishPacket(TOPIC, Buffer.alloc(LIMITS.payload, 1), { id: 1 });
  const taken = [`took 1 ${Buffer.alloc(LIMITS.payload, 1).toString('hex')}`];
  assert.equal(through([largest]), taken);
  assert.equal(through(Array.from(largest, (_, i) => largest.subarray(i, i + 1))), taken);
  const larger = publishPacket(TOPIC, Buffer.alloc(LIMITS.payload + 1, 1), { id: 1 });
  assert.equal(through([larger]), [larger.toString('hex')]);
});

scanning('while somebody else reads the topic nothing is taken', () => {
  const bytes = publishPacket(TOPIC, Buffer.from('x'), { id: 1 });
  let isOpen = false;
  assert.equal(
    through([bytes], () => isOpen),
    [bytes.toString('hex')],
  );
  isOpen = true;
  assert.equal(
    through([bytes], () => isOpen),
    ['took 1 78'],
  );
});

scanning.run();

interface Context {
  broker: TestBroker;
  /** What was handed over, and is not durable yet. */
  waiting: { readonly payload: string; readonly done: (error: Error | null) => void }[];
}

const test = suite<Context>('telemetry past the broker');
test.before.each(async (context) => {
  context.waiting = [];
  context.broker = await openBroker([web], {
    onTelemetry: (_agent, payload, done) => context.waiting.push({ payload: Buffer.from(payload).toString(), done }),
    tools: new Map([[dash.name, dash]]),
  });
});
test.after.each(({ broker }) => broker.close());

const dash = {
  name: 'dash',
  secret_sha256: Buffer.from(secretHash('dash-secret')).toString('hex'),
  evidence: false,
  sys: false,
  since: 1,
  by: 'ann',
};

/** A client whose bytes and whose acknowledgements are seen as they are. */
async function open(
  port: number,
  keepaliveS = 0,
): Promise<{ socket: Socket; acknowledged: number[]; isGone: () => boolean }> {
  const socket = connect(port, '127.0.0.1');
  const acknowledged: number[] = [];
  let isIn = false;
  let isGone = false;
  const reader = new RawReader(({ type, body }) => {
    if (type >> 4 === 2) isIn = body[1] === 0;
    else if (type >> 4 === 4) acknowledged.push(body.readUInt16BE(0));
  });
  socket.on('data', (chunk) => reader.read(chunk));
  socket.on('error', () => {});
  socket.once('close', () => {
    isGone = true;
  });
  socket.write(connectPacket('web-1', 'web-1-secret', keepaliveS));
  await until('it is let in', () => isIn);
  return { socket, acknowledged, isGone: () => isGone };
}
const says = (id: number) => publishPacket(TOPIC, Buffer.from(`frame ${id}`), { id });

test('it is acknowledged when it is durable, in the order in which that became so, and not before', async ({
  broker,
  waiting,
}) => {
  const { socket, acknowledged } = await open(broker.mesh.port);
  socket.write(Buffer.concat([says(1), says(2), says(3)]));
  await until('all are handed over', () => waiting.length === 3);
  assert.equal(
    waiting.map(({ payload }) => payload),
    ['frame 1', 'frame 2', 'frame 3'],
  );
  // The answer to a question that came later: what would have been said before it was not.
  socket.write(publishPacket('s/1/web-1/e', Buffer.from('an event'), { id: 9 }));
  await until('the event', () => acknowledged.length > 0);
  assert.equal(acknowledged, [9]);
  for (const { done } of waiting.slice(0, 2)) done(null);
  await until('two', () => acknowledged.length === 3);
  assert.equal(acknowledged, [9, 1, 2]);
  waiting[2]?.done(null);
  await until('the third', () => acknowledged.length === 4);
  assert.is(broker.heard.filter(({ channel }) => channel === 'm').length, 0);
  assert.is(broker.mesh.health().messagesReceived, 4);
});

test('what could not be stored is not acknowledged: its sender is hung up on', async ({ broker, waiting }) => {
  const { socket, acknowledged, isGone } = await open(broker.mesh.port);
  socket.write(Buffer.concat([says(1), says(2)]));
  await until('both are handed over', () => waiting.length === 2);
  waiting[0]?.done(new Error('the disk is full'));
  waiting[1]?.done(null);
  await until('it is gone', isGone);
  assert.equal(acknowledged, []);
});

test('a client that has too much waiting for the disk is not read on until that is less', async ({
  broker,
  waiting,
}) => {
  const { socket, acknowledged } = await open(broker.mesh.port);
  const count = BROKER.inFlight * 3;
  for (let id = 1; id <= count; id++) socket.write(Buffer.concat([says(id), Buffer.alloc(0)]));
  await until('so many wait', () => waiting.length >= BROKER.inFlight);
  // What came in the same chunk is still taken; a chunk holds so many of these.
  const chunk = Math.ceil(BROKER.chunkBytes / says(1).length);
  await until('the broker has what there is', () => broker.mesh.health().bytesReceived > count);
  assert.ok(waiting.length <= BROKER.inFlight + chunk, `${waiting.length}`);
  for (let done = 0; done < count; ) {
    const one = waiting[done];
    if (one === undefined) await until('the next', () => waiting.length > done);
    else {
      one.done(null);
      done++;
    }
  }
  await until('all are acknowledged', () => acknowledged.length === count);
  assert.equal(
    acknowledged,
    Array.from({ length: count }, (_, i) => i + 1),
  );
});

test('a tool that reads it gets it: then it goes the way of all messages', async ({ broker, waiting }) => {
  const { socket, acknowledged } = await open(broker.mesh.port);
  const tool = broker.client(testAgent('dash'));
  const heard: string[] = [];
  tool.on('message', (topic, payload) => heard.push(`${topic} ${payload}`));
  assert.ok(await isGranted(tool, 's/1/+/m'));
  socket.write(says(1));
  await until('the tool has it', () => heard.length === 1 && acknowledged.length === 1);
  assert.equal(heard, ['s/1/web-1/m frame 1']);
  assert.equal(
    broker.heard.map(({ channel, payload }) => `${channel} ${Buffer.from(payload)}`),
    ['m frame 1'],
  );
  assert.is(waiting.length, 0);
  await new Promise((resolve) => tool.end(false, {}, resolve));
  socket.write(says(2));
  await until('it is taken again', () => waiting.length === 1);
});

test('an agent that says telemetry alone is alive: its keep-alive does not run out', async ({ broker, waiting }) => {
  const { socket, isGone } = await open(broker.mesh.port, 2);
  const ends = Date.now() + 4_000;
  for (let id = 1; Date.now() < ends; id++) {
    socket.write(says(id));
    await until('it is handed over', () => waiting.length === id || isGone());
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.not(isGone());
  await until('silent, it is dropped', isGone);
});

test.run();
