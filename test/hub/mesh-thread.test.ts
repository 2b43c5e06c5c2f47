import { Worker } from 'node:worker_threads';
import { connect, type MqttClient } from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { secretHash } from '../../broker/enroll.ts';
import { lineLog } from '../../broker/log.ts';
import type { Inbound, Mesh } from '../../broker/mesh.ts';
import { openMeshThread } from '../../hub/mesh/thread.ts';
import { readSamples } from '../../hub/store/samples.ts';
import { Store } from '../../hub/store/store.ts';
import { FrameWriter } from '../broker/frame-writer.ts';
import * as samples from '../broker/samples.ts';
import { enrolled, isGranted, isLetIn, isTaken, tempFolder, testAgent, until } from '../broker/site.ts';

const web = testAgent('web-1');
const { schema, metrics, boot } = samples.birth;

interface Context {
  mesh: Mesh;
  store: Store;
  done: () => void;
  clients: MqttClient[];
  log: string[];
  inbound: Inbound[];
  sampled: string[];
  broken: number[];
  dropped: string[];
  /** What the hub's main thread does with a message that is no telemetry. */
  handle: (message: Inbound) => Promise<void>;
}
const test = suite<Context>('mesh thread');
test.before.each(async (context) => {
  const { path, done } = tempFolder();
  const store = new Store(path, 'write');
  const told = { log: [], inbound: [], broken: [], sampled: [], dropped: [], clients: [] };
  Object.assign(context, told, { store, done, handle: () => Promise.resolve() });
  await store.write(() => void store.births.put('web-1', { ...samples.birth, agent: 'web-1' }));
  context.mesh = await openMeshThread({
    host: '127.0.0.1',
    port: 0,
    agents: enrolled([web]),
    store: path,
    onMessage: async (message) => {
      context.inbound.push(message);
      await context.handle(message);
    },
    onSampled: (stored) => context.sampled.push(...stored.map(({ agent, through }) => `${agent} ${through}`)),
    onBroken: ({ through }) => context.broken.push(through),
    onDropped: ({ agent, failure: { code } }) => context.dropped.push(`${agent} ${code}`),
    tools: { all: () => [], onChange: () => {} },
    onRequest: () => {},
    log: lineLog('hub', (line) => context.log.push(line)),
  });
});
test.after.each(async ({ mesh, store, done, clients }) => {
  for (const client of clients) client.end(true);
  await mesh.close();
  await store.close();
  done();
});

function clientOf({ mesh, clients }: Context): MqttClient {
  const client = connect(`mqtt://127.0.0.1:${mesh.port}`, {
    clientId: web.name,
    username: web.name,
    password: web.secret,
    protocolVersion: 4,
    reconnectPeriod: 0,
  });
  client.on('error', () => {});
  client.setMaxListeners(0);
  clients.push(client);
  return client;
}

function payloads(count: number, start = boot): Uint8Array[] {
  const writer = new FrameWriter({ boot: start, secretHash: secretHash(web.secret) });
  return Array.from({ length: count }, (_, i) =>
    writer.add({ schema, ts: 1_000 * (i + 1), values: [i + 1, null] }, metrics),
  ).flat();
}

const stored = ({ store }: Context): unknown[] =>
  readSamples(store, 'web-1', { limit: 100 })
    .toReversed()
    .map(({ values }) => values['cpu.percent']);

test('telemetry that was acknowledged is in the store; a gap and a bad payload are told', async (context) => {
  const client = clientOf(context);
  const [one, two, , , five] = payloads(21);
  const key = payloads(21).at(20);
  for (const payload of [one, two, five, key, new Uint8Array(40)]) {
    assert.ok(await isTaken(client, 's/1/web-1/m', payload ?? ''));
  }
  context.store.refresh();
  assert.equal(stored(context), [1, 2, 21]);
  await until('what came of it', () => context.sampled.length > 0 && context.dropped.length === 2);
  assert.equal(context.dropped, ['web-1 E_FRAME_GAP', 'web-1 E_SIGNATURE']);
  await until('the gap', () => context.log.some((line) => /samples are missing.*from=3 to=20/.test(line)));
  assert.is(context.inbound.length, 0);
  assert.equal(context.broken, [2]);
  await until('how far it is stored', () => context.sampled.at(-1) === 'web-1 21');
});

test('telemetry is stored and acknowledged while the main thread does nothing', async ({ mesh, store, ...context }) => {
  const count = new SharedArrayBuffer(4);
  const acknowledged = new Int32Array(count);
  const client = new Worker(new URL('./telemetry-client.js', import.meta.url), {
    workerData: { port: mesh.port, name: web.name, secret: web.secret, payloads: payloads(40), count },
  });
  const gone = new Promise((resolve) => client.once('exit', resolve));
  // This thread sleeps in here; all that moves are the other two.
  for (let seen = 0; seen < 40; seen = Atomics.load(acknowledged, 0)) {
    assert.is.not(Atomics.wait(acknowledged, 0, seen, 60_000), 'timed-out', `${seen} were acknowledged`);
  }
  await gone;
  store.refresh();
  assert.is(stored({ mesh, store, ...context }).length, 40);
});

test('an event is acknowledged when the main thread has it on the disk, and not when it could not', async (context) => {
  let finish: () => void = () => {};
  context.handle = () =>
    new Promise((resolve) => {
      finish = resolve;
    });
  const client = clientOf(context);
  assert.ok(await isLetIn(client));
  let taken = false;
  const sending = isTaken(client, 's/1/web-1/e', 'an event').then((answer) => {
    taken = answer;
  });
  await until('it is being stored', () => context.inbound.length === 1);
  // Telemetry of the same agent does not wait for it, and its whole way later the event is still not acknowledged.
  assert.ok(await isTaken(client, 's/1/web-1/m', payloads(1)[0] ?? ''));
  assert.not(taken);
  finish();
  await sending;
  assert.ok(taken);
  assert.equal(
    context.inbound.map(({ channel, payload }) => [channel, Buffer.from(payload).toString()]),
    [['e', 'an event']],
  );
  context.handle = () => Promise.reject(Object.assign(new Error('disk full'), { code: 'E_STORE_WRITE' }));
  assert.not(await isTaken(client, 's/1/web-1/e', 'another'));
});

test('frames wait for the birth that was sent before them', async (context) => {
  const next = 'fedcba9876543210';
  const client = clientOf(context);
  assert.ok(await isTaken(client, 's/1/web-1/m', payloads(1)[0] ?? ''));
  let born: () => void = () => {};
  context.handle = async () => {
    await new Promise<void>((resolve) => {
      born = resolve;
    });
    await context.store.write(
      () => void context.store.births.put('web-1', { ...samples.birth, agent: 'web-1', boot: next }),
    );
  };
  const birth = isTaken(client, 's/1/web-1/b', 'a birth');
  const frame = isTaken(client, 's/1/web-1/m', payloads(1, next)[0] ?? '');
  await until('the birth', () => context.inbound.length === 1);
  born();
  assert.equal(await Promise.all([birth, frame]), [true, true]);
  assert.equal(context.dropped, []);
  context.store.refresh();
  assert.equal(stored(context), [1, 1]);
});

test('a broker that ended is there again on its port, says so, and knows what was retained', async (context) => {
  const { mesh } = context;
  const { port } = mesh;
  await mesh.publish('s/1/hub/site', new Uint8Array([7]), { retain: true });
  const before = clientOf(context);
  assert.ok(await isLetIn(before));
  const cut = new Promise<void>((resolve) => before.once('close', () => resolve()));
  const { worker } = mesh as unknown as { readonly worker: Worker };
  await worker.terminate();
  await cut;
  await until('it is back', () => context.log.some((line) => line.includes('the broker is back')));
  assert.ok(context.log.some((line) => line.includes('E_MESH_RESTART')));
  assert.is(mesh.port, port);
  const client = clientOf(context);
  const heard: number[] = [];
  client.on('message', (_, payload) => heard.push(payload[0] ?? 0));
  assert.ok(await isGranted(client, 's/1/hub/site'));
  await until('the roster', () => heard.length > 0);
  assert.equal(heard, [7]);
  assert.ok(await isTaken(client, 's/1/web-1/m', payloads(1)[0] ?? ''));
});

test('a broker that can’t listen says why', async () => {
  const { path, done } = tempFolder();
  const store = new Store(path, 'write');
  const opening = openMeshThread({
    host: '203.0.113.1',
    port: 0,
    agents: new Map(),
    store: path,
    onMessage: () => Promise.resolve(),
    onSampled: () => {},
    onBroken: () => {},
    onDropped: () => {},
    tools: { all: () => [], onChange: () => {} },
    onRequest: () => {},
    log: lineLog('hub', () => {}),
  });
  const answer = await opening.then(
    (other) => other.close().then(() => 'open'),
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );
  await store.close();
  done();
  assert.is(answer, 'E_BROKER_PLAIN');
});

test.run();
