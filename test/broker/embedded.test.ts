import { connect as connectSocket, createServer } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BrokerError } from '../../broker/listen-near.ts';
import { connectPacket, publishPacket, RawReader } from './mqtt-bytes.ts';
import { isGranted, isLetIn, isTaken, openBroker, type TestBroker, testAgent, until } from './site.ts';

const web = testAgent('web-1');
const db = testAgent('db-1');
const test = suite<{ broker: TestBroker }>('embedded broker');
test.before.each(async (context) => {
  context.broker = await openBroker([web, db]);
});
test.after.each(({ broker }) => broker.close());

test('an enrolled agent with its secret is let in', async ({ broker }) => {
  assert.ok(await isLetIn(broker.client(web)));
  assert.is(broker.counters.refusedConnect, 0);
});

test('nobody else is: anonymous, wrong secret, another’s secret, unknown name, an id that is not the name', async ({
  broker,
}) => {
  const { name, secret } = web;
  const strangers = [
    broker.client(web, { username: undefined, password: undefined } as never),
    broker.client({ ...web, secret: 'guess' }),
    broker.client({ ...web, secret: '' }),
    broker.client({ ...web, secret: db.secret }),
    broker.client(testAgent('stranger')),
    broker.client(web, { clientId: db.name }),
    broker.client(web, { clientId: 'anything' }),
    broker.client({ ...web, name: 'WEB-1' }, { username: name, password: secret }),
    broker.client(testAgent('hub')),
  ];
  assert.equal(
    await Promise.all(strangers.map(isLetIn)),
    strangers.map(() => false),
  );
  assert.is(broker.counters.refusedConnect, strangers.length);
});

test('an agent publishes on its own five topics', async ({ broker }) => {
  const client = broker.client(web);
  for (const channel of ['b', 'st', 'm', 'e', 'r']) assert.ok(await isTaken(client, `s/1/web-1/${channel}`, channel));
  assert.equal(
    broker.heard.map(({ agent, channel, payload }) => [agent, channel, Buffer.from(payload).toString()]),
    ['b', 'st', 'm', 'e', 'r'].map((channel) => ['web-1', channel, channel]),
  );
});

const FORBIDDEN: readonly (readonly [string, boolean])[] = [
  ['s/1/db-1/e', false],
  ['s/1/db-1/st', true],
  ['s/1/web-1/c', false],
  ['s/1/web-1/ack', false],
  ['s/1/hub/site', true],
  ['s/1/hub/st', true],
  ['s/1/hub/e', false],
  ['s/2/web-1/e', false],
  ['s/1/web-1/e/more', false],
  ['s/1/web-1/x', false],
  ['view/1/web-1/state', false],
  ['$SYS/anything', false],
  ['e', false],
  ['s/1/web-1/m', true],
  ['s/1/web-1/e', true],
];
for (const [topic, retain] of FORBIDDEN) {
  test(`an agent may not publish on ${topic}${retain ? ', retained' : ''}`, async ({ broker }) => {
    const listener = broker.client(db);
    assert.ok(await isGranted(listener, 's/1/hub/site'));
    assert.not(await isTaken(broker.client(web), topic, 'x', retain));
    assert.is(broker.counters.refusedPublish, 1);
    assert.is(broker.heard.length, 0);
    assert.ok(await isTaken(listener, 's/1/db-1/e', 'still here'));
  });
}

test('an agent hears its own orders and acks and what the hub tells all, and nothing else', async ({ broker }) => {
  const client = broker.client(web);
  for (const topic of ['s/1/web-1/c', 's/1/web-1/ack', 's/1/hub/st', 's/1/hub/site', 's/1/hub/ckpt']) {
    assert.ok(await isGranted(client, topic), topic);
  }
  const foreign = [
    's/1/db-1/c',
    's/1/db-1/ack',
    's/1/web-1/e',
    '#',
    '+/1/web-1/c',
    's/1/+/c',
    's/#',
    '$SYS/#',
    's/1/web-1/#',
  ];
  for (const topic of foreign) assert.not(await isGranted(client, topic), topic);
  assert.is(broker.counters.refusedSubscribe, foreign.length);

  const heard: string[] = [];
  client.on('message', (topic) => heard.push(topic));
  await broker.mesh.publish('s/1/db-1/c', new Uint8Array([1]));
  await broker.mesh.publish('s/1/db-1/ack', new Uint8Array([1]));
  await broker.mesh.publish('s/1/web-1/c', new Uint8Array([1]));
  await until('the own order', () => heard.length > 0);
  assert.equal(heard, ['s/1/web-1/c']);
});

test('what the hub retained is there for who comes later', async ({ broker }) => {
  await broker.mesh.publish('s/1/hub/site', new Uint8Array([7]), { retain: true });
  const client = broker.client(web);
  const heard: number[] = [];
  client.on('message', (_, payload) => heard.push(payload[0] ?? 0));
  assert.ok(await isGranted(client, 's/1/hub/site'));
  await until('the roster', () => heard.length > 0);
  assert.equal(heard, [7]);
});

test('a payload of 1 MB is dropped and counted; its sender and others go on', async ({ broker }) => {
  const [big, other] = [broker.client(web), broker.client(db)];
  assert.ok(await isTaken(big, 's/1/web-1/e', Buffer.alloc(1_048_576)));
  assert.ok(await isTaken(big, 's/1/web-1/e', 'after'));
  assert.ok(await isTaken(other, 's/1/db-1/e', 'other'));
  assert.is(broker.counters.oversize, 1);
  assert.equal(
    broker.heard.map(({ payload }) => Buffer.from(payload).toString()),
    ['after', 'other'],
  );
});

test('garbage instead of MQTT ends that connection, and no other', async ({ broker }) => {
  const good = broker.client(web);
  assert.ok(await isLetIn(good));
  for (const bytes of [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.alloc(64, 0xff),
    Buffer.from([0x30, 0x02, 0, 0]),
  ]) {
    await new Promise<void>((resolve) => {
      const socket = connectSocket(broker.mesh.port, '127.0.0.1', () => socket.write(bytes));
      socket.on('error', () => {});
      socket.on('close', () => resolve());
    });
  }
  assert.ok(await isTaken(good, 's/1/web-1/e', 'still here'));
});

test('a will is published as its owner would publish it, and not on another’s topic', async ({ broker }) => {
  const will = (topic: string) => ({ topic, payload: Buffer.from('gone'), qos: 1 as const, retain: true });
  const honest = broker.client(web, { will: will('s/1/web-1/st') });
  const liar = broker.client(db, { will: will('s/1/web-1/e') });
  assert.equal(await Promise.all([isLetIn(honest), isLetIn(liar)]), [true, true]);
  honest.stream.destroy();
  liar.stream.destroy();
  await until('both wills', () => broker.heard.length > 0 && broker.counters.refusedPublish > 0);
  assert.equal(
    broker.heard.map(({ agent, channel }) => `${agent}/${channel}`),
    ['web-1/st'],
  );
});

test('a message is acknowledged only when its handler is done', async () => {
  let finish: () => void = () => {};
  const stored = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const begun: string[] = [];
  const broker = await openBroker([web, db], {
    onMessage: ({ agent }) => {
      begun.push(agent);
      return agent === 'web-1' ? stored : Promise.resolve();
    },
  });
  try {
    let acknowledged = false;
    const first = isTaken(broker.client(web), 's/1/web-1/e', 'x').then((taken) => {
      acknowledged = taken;
    });
    await until('it is being stored', () => begun.includes('web-1'));
    // Another agent's whole round trip later it is still not acknowledged.
    assert.ok(await isTaken(broker.client(db), 's/1/db-1/e', 'x'));
    assert.not(acknowledged);
    finish();
    await first;
    assert.ok(acknowledged);
  } finally {
    await broker.close();
  }
});

test('a message that could not be stored is not acknowledged: its sender is cut off, and brings it again', async () => {
  let works = false;
  const kept: string[] = [];
  const broker = await openBroker([web], {
    onMessage: async ({ payload }) => {
      if (!works) throw new Error('disk full');
      kept.push(Buffer.from(payload).toString());
    },
  });
  try {
    assert.not(await isTaken(broker.client(web), 's/1/web-1/e', 'once'));
    works = true;
    assert.ok(await isTaken(broker.client(web), 's/1/web-1/e', 'once'));
    assert.equal(kept, ['once']);
  } finally {
    await broker.close();
  }
});

test('of many messages under way at once none is lost, and they come in order', async () => {
  const heard: number[] = [];
  const broker = await openBroker([web], {
    onMessage: async ({ payload }) => {
      heard.push(Number(Buffer.from(payload).toString()));
      await new Promise((resolve) => setImmediate(resolve));
    },
  });
  const socket = connectSocket(broker.mesh.port, '127.0.0.1');
  try {
    let said = 0;
    let acknowledged = 0;
    const say = () => {
      if (said < 2_000)
        socket.write(publishPacket('s/1/web-1/m', Buffer.from(String(++said).padEnd(100)), { id: said }));
    };
    const reader = new RawReader(({ type }) => {
      if (type >> 4 === 4) acknowledged++;
      for (let i = type >> 4 === 2 ? 8 : 1; i > 0; i--) say();
    });
    socket.on('data', (chunk) => reader.read(chunk));
    socket.write(connectPacket(web.name, web.secret));
    await until('all acknowledgements', () => acknowledged === 2_000);
    assert.equal(
      heard,
      Array.from({ length: 2_000 }, (_, i) => i + 1),
    );
  } finally {
    socket.destroy();
    await broker.close();
  }
});

test('an occupied port makes it take the next, and say which', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const address = taken.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const broker = await openBroker([web], { port });
  try {
    assert.ok(broker.mesh.port > port && broker.mesh.port <= port + 32);
    assert.ok(await isLetIn(broker.client(web)));
  } finally {
    await broker.close();
    taken.close();
  }
});

test('with every port taken or forbidden it fails with a code', async () => {
  // Of a reserved range nothing can be had on an address that is not ours either.
  await openBroker([web], { host: '203.0.113.1' }).then(
    (broker) => broker.close().then(() => assert.unreachable('it listens on an address of another machine')),
    (error: unknown) => assert.ok(error instanceof Error && 'code' in error),
  );
  assert.is(new BrokerError('x').code, 'E_BROKER_PORT');
});

test.run();
