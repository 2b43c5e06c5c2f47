import { connect } from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lineLog } from '../../broker/log.ts';
import { type Inbound, type Mesh, noCounters } from '../../broker/mesh.ts';
import { LIMITS } from '../../broker/messages.ts';
import { openOutside } from '../../broker/outside.ts';
import { Outsider } from './outsider.ts';
import { until } from './site.ts';

interface Context {
  outsider: Outsider;
  heard: Inbound[];
  log: string[];
  counters: ReturnType<typeof noCounters>;
  onMessage: (message: Inbound) => Promise<void>;
  mesh: Mesh;
}

const test = suite<Context>('outside broker');

test.before.each(async (context) => {
  const outsider = new Outsider();
  await outsider.start();
  context.outsider = outsider;
  context.heard = [];
  context.log = [];
  context.counters = noCounters();
  context.onMessage = async (message) => void context.heard.push(message);
  context.mesh = openOutside({
    url: `mqtt://127.0.0.1:${outsider.port}`,
    credentials: { version: 1, username: 'hub', password: 'x' },
    will: Buffer.from('dead'),
    onMessage: (message) => context.onMessage(message),
    onRequest: () => {},
    onHub: () => {},
    counters: context.counters,
    log: lineLog('hub', (line) => context.log.push(line)),
  });
  await until('connected', () => context.log.some((line) => line.includes('connected to the broker')));
});
test.after.each(async ({ mesh, outsider }) => {
  await mesh.close();
  await outsider.stop();
});

test('a message is acknowledged only when it is stored, and the next ones do not wait for that', async (context) => {
  const { outsider } = context;
  const stored: (() => void)[] = [];
  context.onMessage = (message) =>
    new Promise((resolve) => {
      context.heard.push(message);
      stored.push(resolve);
    });
  await outsider.say('s/1/web-1/e', 'one', 'two', 'three');
  await until('all three', () => context.heard.length === 3);
  assert.is(outsider.acked, 0);
  stored[1]?.();
  await until('one acknowledgement', () => outsider.acked === 1);
  stored[0]?.();
  stored[2]?.();
  await until('three acknowledgements', () => outsider.acked === 3);
  assert.equal(
    context.heard.map(({ agent, channel, payload }) => [agent, channel, Buffer.from(payload).toString()]),
    [
      ['web-1', 'e', 'one'],
      ['web-1', 'e', 'two'],
      ['web-1', 'e', 'three'],
    ],
  );
});

test('what could not be stored is not acknowledged, and comes again', async (context) => {
  let failures = 1;
  context.onMessage = async (message) => {
    if (failures-- > 0) throw new Error('the disk is full');
    context.heard.push(message);
  };
  await context.outsider.say('s/1/web-1/e', 'one');
  await until('again', () => context.heard.length === 1);
  assert.is(Buffer.from(context.heard[0]?.payload ?? []).toString(), 'one');
});

test('what is retained is said again to a broker that has lost it, and what was taken back is not', async (context) => {
  const { mesh, outsider } = context;
  await mesh.publish('s/1/hub/site', Buffer.from('roster'), { retain: true });
  await mesh.publish('view/1/hub/incident/X', Buffer.from('open'), { retain: true });
  await mesh.publish('view/1/hub/incident/X', Buffer.from(''), { retain: true });
  await outsider.stop();
  await assertDown(mesh);
  await mesh.publish('s/1/hub/st', Buffer.from('online'), { retain: true });
  outsider.said.length = 0;
  await outsider.start();
  await outsider.retains('s/1/hub/site', 'roster');
  await outsider.retains('s/1/hub/st', 'online');
  assert.not.ok(outsider.said.some(({ topic }) => topic.startsWith('view/')));
  assert.not.ok(
    outsider.said.some(({ topic }) => topic === 's/1/web-1/c'),
    'what was refused is not said later',
  );
});

/** Until mqtt.js has seen the end, a message is in flight for ever; then it is refused at once. */
async function assertDown(mesh: Mesh): Promise<void> {
  try {
    await mesh.publish('s/1/web-1/c', Buffer.from('order'));
    assert.unreachable('an order can’t be said without a broker');
  } catch (error) {
    assert.is((error as { code?: string }).code, 'E_MESH_DOWN');
  }
}

test('another’s word in the hub’s name is said over', async ({ mesh, outsider }) => {
  await mesh.publish('s/1/hub/st', Buffer.from('online'), { retain: true });
  const stranger = connect(`mqtt://127.0.0.1:${outsider.port}`, { clientId: 'stranger', reconnectPeriod: 0 });
  await stranger.publishAsync('s/1/hub/st', 'dead', { qos: 1, retain: true });
  await stranger.endAsync();
  await outsider.retains('s/1/hub/st', 'online');
});

test('what is too large, or no topic of ours, costs nothing', async (context) => {
  const { outsider } = context;
  await outsider.say('s/1/web-1/e', Buffer.alloc(LIMITS.payload + 1), 'small');
  await until('the small one', () => context.heard.length === 1);
  assert.is(context.counters.oversize, 1);
  await until('both acknowledged', () => outsider.acked === 2);
});

test.run();
