import { connect, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BROKER } from '../../broker/broker-limits.ts';
import { connectPacket, publishPacket, RawReader, readPublish, subscribePacket } from './mqtt-bytes.ts';
import { openBroker, type TestAgent, type TestBroker, testAgent, until } from './site.ts';

const web = testAgent('web-1');
const db = testAgent('db-1');
const bad = testAgent('bad-1');

const test = suite<{ broker: TestBroker; sockets: Socket[] }>('hostile clients');
test.before.each(async (context) => {
  context.sockets = [];
  context.broker = await openBroker([web, db, bad], {
    onTelemetry: (_agent, _payload, done) => void setImmediate(done, null),
  });
});
test.after.each(async ({ broker, sockets }) => {
  for (const socket of sockets) socket.destroy();
  await broker.close();
});

interface Raw {
  readonly socket: Socket;
  /** First bytes of the packets that came. */
  readonly seen: number[];
  readonly topics: string[];
  readonly isGone: () => boolean;
}

function raw({ broker, sockets }: { broker: TestBroker; sockets: Socket[] }): Raw {
  const socket = connect({ port: broker.mesh.port, host: '127.0.0.1', noDelay: true });
  const seen: number[] = [];
  const topics: string[] = [];
  let isGone = false;
  const reader = new RawReader((packet) => {
    seen.push(packet.type);
    if (packet.type >> 4 === 3) topics.push(readPublish(packet).topic);
  });
  socket.on('data', (chunk) => reader.read(chunk));
  socket.on('error', () => {});
  socket.once('close', () => {
    isGone = true;
  });
  sockets.push(socket);
  return { socket, seen, topics, isGone: () => isGone };
}

async function letIn(context: { broker: TestBroker; sockets: Socket[] }, agent: TestAgent): Promise<Raw> {
  const client = raw(context);
  client.socket.write(connectPacket(agent.name, agent.secret));
  await until(`${agent.name} is let in`, () => client.seen[0] === 0x20);
  return client;
}

/** Publishes one event and waits until it is acknowledged. */
async function says({ seen, socket }: Raw, agent: TestAgent): Promise<void> {
  const before = seen.filter((type) => type === 0x40).length;
  socket.write(publishPacket(`s/1/${agent.name}/e`, Buffer.from('x'), { id: 7 }));
  await until('its acknowledgement', () => seen.filter((type) => type === 0x40).length > before);
}

test('a subscriber that takes nothing is dropped, with 100,000 messages for it; others get theirs', async (context) => {
  const { broker } = context;
  const frozen = await letIn(context, bad);
  frozen.socket.write(subscribePacket('s/1/hub/site', 1));
  await until('it has subscribed', () => frozen.seen.includes(0x90));
  frozen.socket.pause();
  const other = await letIn(context, web);
  other.socket.write(subscribePacket('s/1/web-1/c', 1));
  await until('the other has subscribed', () => other.seen.includes(0x90));
  const payload = Buffer.alloc(1_000);
  const before = process.memoryUsage().rss;
  let most = 0;
  for (let n = 0; n < 100; n++) {
    const said = Array.from({ length: 1_000 }, () => broker.mesh.publish('s/1/hub/site', payload));
    await Promise.all([...said, broker.mesh.publish('s/1/web-1/c', payload)]);
    most = Math.max(most, broker.mesh.health().readerBytesMax);
  }
  await until('the other has all', () => other.topics.length === 100);
  assert.is(broker.counters.slowReaders, 1);
  assert.is(broker.mesh.health().clients, 1);
  // What is handed over in one turn may come on top.
  assert.ok(most <= BROKER.readerBytes + BROKER.publishesPerTurn * 1_100, `${most} bytes waited for it`);
  // 100 MB were said: a tenth of it in memory would be the queue that must not be.
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 200 * 2 ** 20, `${Math.round(grown / 2 ** 20)} MiB more`);
  await says(other, web);
});

test('a publisher that floods gets its budget and no more, and others are heard meanwhile', async (context) => {
  const { broker } = context;
  const flood = await letIn(context, bad);
  const other = await letIn(context, web);
  const chunk = Buffer.concat(
    Array.from({ length: 400 }, () => publishPacket('s/1/bad-1/m', Buffer.alloc(20), { id: 1 })),
  );
  const started = performance.now();
  const pour = (): void => {
    while (!flood.socket.destroyed && flood.socket.write(chunk));
  };
  flood.socket.on('drain', pour);
  pour();
  const taken = () => flood.seen.filter((type) => type === 0x40).length;
  await until('the burst is used up', () => taken() >= BROKER.packetsBurst);
  for (let n = 0; n < 20; n++) await says(other, web);
  await until('it gets more as time goes on', () => taken() >= BROKER.packetsBurst + BROKER.packetsPerSecond / 2);
  const seconds = (performance.now() - started) / 1_000;
  // One chunk may be looked at on credit.
  const most = BROKER.packetsBurst + BROKER.packetsPerSecond * seconds + BROKER.chunkBytes / 37;
  const heard = broker.mesh.health().messagesReceived - 20;
  assert.ok(heard <= most, `${heard} in ${seconds} s`);
});

test('who dribbles its CONNECT is let go, and keeps nobody out', async (context) => {
  const { broker } = context;
  const login = connectPacket(bad.name, bad.secret);
  const slow = Array.from({ length: 300 }, () => raw(context));
  let at = 0;
  const timer = setInterval(() => {
    // All but the last byte, over and over the time that a CONNECT may take.
    if (at < login.length - 1) for (const { socket } of slow) socket.write(login.subarray(at, at + 1));
    at++;
  }, 150);
  try {
    await until('they are there', () => broker.mesh.health().sockets === 300);
    const other = await letIn(context, web);
    await says(other, web);
    await until('they are gone', () => slow.every(({ isGone }) => isGone()));
    assert.is(broker.mesh.health().sockets, 1);
    await says(other, web);
  } finally {
    clearInterval(timer);
  }
});

test('of 1,500 connections at once each is answered, let in or closed; then all is as before', async (context) => {
  const { broker, sockets } = context;
  const before = await letIn(context, web);
  const wrong = Array.from({ length: 1_500 }, () => raw(context));
  for (const { socket } of wrong) socket.write(connectPacket(bad.name, 'a guess'));
  await until('all are closed', () => wrong.every(({ isGone }) => isGone()));
  const { refusedBusy, refusedConnect } = broker.counters;
  assert.is(refusedBusy + refusedConnect, 1_500);
  await until('their places are free', () => broker.mesh.health().sockets === 1);
  await says(before, web);
  await says(await letIn({ broker, sockets }, db), db);
});

test('who goes silent is dropped when its keep-alive has run out one and a half times', async (context) => {
  const { broker, sockets } = context;
  const silent = raw(context);
  silent.socket.write(connectPacket(bad.name, bad.secret, 1));
  await until('it is let in', () => silent.seen[0] === 0x20);
  const other = await letIn({ broker, sockets }, web);
  await until('it is dropped', silent.isGone);
  assert.not(other.isGone());
  assert.is(broker.mesh.health().clients, 1);
});

test.run();
