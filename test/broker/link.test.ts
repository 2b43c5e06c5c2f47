import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Link } from '../../broker/link.ts';
import { openBroker, type TestBroker, testAgent, until } from './site.ts';

const web = testAgent('web-1');
const test = suite<{ broker: TestBroker; link: Link }>('link');

function openLink(port: number, secret = web.secret): Link {
  return new Link({
    url: `mqtt://127.0.0.1:${port}`,
    id: web.name,
    login: { secret },
    will: { topic: 's/1/web-1/st', payload: new Uint8Array([0xdd]) },
    topics: ['s/1/web-1/c', 's/1/web-1/ack', 's/1/hub/site'],
  });
}
const isUp = (link: Link): Promise<void> => new Promise((resolve) => void link.once('up', () => resolve()));

test.before.each(async (context) => {
  context.broker = await openBroker([web]);
  context.link = openLink(context.broker.mesh.port);
  await isUp(context.link);
});
test.after.each(async ({ broker, link }) => {
  await link.close();
  await broker.close();
});

test('carries messages both ways', async ({ broker, link }) => {
  const heard: string[] = [];
  link.on('message', (topic, payload) => heard.push(`${topic} ${payload[0]}`));
  assert.ok(await link.publish('s/1/web-1/e', new Uint8Array([1])));
  assert.is(broker.heard.length, 1);
  await broker.mesh.publish('s/1/web-1/c', new Uint8Array([2]));
  await until('the order', () => heard.length === 1);
  assert.equal(heard, ['s/1/web-1/c 2']);
});

test('comes back, subscribed, after the broker went away; while it is away nothing counts as sent', async (context) => {
  const { broker, link } = context;
  const { port } = broker.mesh;
  const down = new Promise<void>((resolve) => void link.once('down', () => resolve()));
  await broker.close();
  await down;
  assert.not(await link.publish('s/1/web-1/e', new Uint8Array([1])));
  const again = isUp(link);
  context.broker = await openBroker([web], { port });
  await again;
  const heard: number[] = [];
  link.on('message', (_, payload) => heard.push(payload[0] ?? 0));
  // It stands behind the subscription.
  assert.ok(await link.publish('s/1/web-1/e', new Uint8Array([1])));
  await context.broker.mesh.publish('s/1/web-1/c', new Uint8Array([9]));
  await until('an order over the new connection', () => heard.length === 1);
});

test('a message in flight when the connection dies counts as not sent', async () => {
  const begun: string[] = [];
  const stuck = await openBroker([web], {
    onMessage: ({ channel }) => {
      begun.push(channel);
      return new Promise(() => {});
    },
  });
  const link = openLink(stuck.mesh.port);
  await isUp(link);
  const sent = link.publish('s/1/web-1/e', new Uint8Array([1]));
  await until('it is under way', () => begun.length === 1);
  await stuck.close();
  assert.not(await sent);
  await link.close();
});

test('ends in bounded time though the broker acknowledges nothing', async () => {
  const stuck = await openBroker([web], { onMessage: () => new Promise(() => {}) });
  const link = openLink(stuck.mesh.port);
  await isUp(link);
  void link.publish('s/1/web-1/e', new Uint8Array([1]));
  await link.close();
  await stuck.close();
});

test('the will is published when the connection dies', async ({ broker, link }) => {
  const died = new Promise<void>((resolve) => void link.once('down', () => resolve()));
  // From the broker's side: as if the host had lost its network.
  const intruder = broker.client(web);
  await died;
  intruder.end(true);
  await until('the will', () => broker.heard.some(({ channel, payload }) => channel === 'st' && payload[0] === 0xdd));
});

test('the will is not published after a goodbye', async ({ broker, link }) => {
  await link.publish('s/1/web-1/st', new Uint8Array([0x55]), true);
  await link.close();
  const probe = openLink(broker.mesh.port);
  await isUp(probe);
  await probe.publish('s/1/web-1/e', new Uint8Array([1]));
  assert.equal(
    broker.heard.filter(({ channel }) => channel === 'st').map(({ payload }) => payload[0]),
    [0x55],
  );
  await probe.close();
});

test.run();
