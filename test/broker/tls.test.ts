import { createPrivateKey } from 'node:crypto';
import { connect as connectTls } from 'node:tls';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Enrolled } from '../../broker/enroll.ts';
import { BrokerError } from '../../broker/listen-near.ts';
import { newTlsKey, pemOf, SiteCa } from '../../hub/site/site-ca.ts';
import { enrolled, isGranted, isLetIn, isTaken, openBroker, type TestBroker, testAgent, until } from './site.ts';

const NOW = Date.now();

/** A CA with what it gives out: for a server, or for a client of this name. */
async function makeCa() {
  const { key, certificate } = await SiteCa.make('plant-7', NOW);
  const ca = await SiteCa.open(createPrivateKey(key), certificate);
  const client = async (name: string, lifetime?: number) => {
    const pair = newTlsKey();
    const spki = new Uint8Array(pair.publicKey.export({ format: 'der', type: 'spki' }));
    const { pem, serial } = await ca.issueAgent(name, spki, NOW, lifetime);
    return { key: pemOf(pair.privateKey), cert: pem, serial };
  };
  const pair = newTlsKey();
  const { pem } = await ca.issueServer(['127.0.0.1'], pair.publicKey, NOW);
  return { client, server: { key: pemOf(pair.privateKey), cert: pem + certificate, ca: certificate }, certificate };
}
type Ca = Awaited<ReturnType<typeof makeCa>>;
type Held = Awaited<ReturnType<Ca['client']>>;

const web = testAgent('web-1');
const db = testAgent('db-1');
const local = testAgent('hub-host');

const test = suite<{
  ca: Ca;
  held: Held;
  other: Held;
  agents: Map<string, Enrolled>;
  broker: TestBroker;
  as: (held: Held, options?: IClientOptions) => MqttClient;
  clients: MqttClient[];
}>('broker over TLS');
test.before(async (context) => {
  context.ca = await makeCa();
  context.held = await context.ca.client('web-1');
  context.other = await context.ca.client('db-1');
});
test.before.each(async (context) => {
  const { ca, held, other } = context;
  const agents = new Map(enrolled([web, db, local]));
  const withCertificate = (name: string, { serial }: Held) => {
    const known = agents.get(name);
    if (known !== undefined) agents.set(name, { ...known, serials: [serial] });
  };
  withCertificate('web-1', held);
  withCertificate('db-1', other);
  context.agents = agents;
  context.broker = await openBroker([], { agents, tls: { ...ca.server, host: '127.0.0.1', port: 0 } });
  context.clients = [];
  context.as = ({ key, cert }, options = {}) => {
    const client = connect(`mqtts://127.0.0.1:${context.broker.mesh.tlsPort}`, {
      key,
      cert,
      ca: ca.certificate,
      clientId: 'web-1',
      protocolVersion: 4,
      reconnectPeriod: 0,
      connectTimeout: 10_000,
      ...options,
    });
    client.on('error', () => {});
    client.setMaxListeners(0);
    context.clients.push(client);
    return client;
  };
});
test.after.each(async ({ broker, clients }) => {
  for (const client of clients) client.end(true);
  await broker.close();
});

test('an agent comes in with its certificate, and its client id is the name in it', async ({ as, held, broker }) => {
  const client = as(held);
  assert.ok(await isLetIn(client));
  assert.ok(await isTaken(client, 's/1/web-1/e', 'x'));
  assert.equal(
    broker.heard.map(({ agent }) => agent),
    ['web-1'],
  );
  assert.ok(await isLetIn(as(held, { username: 'web-1' })));
});

test('refused: another name than the certificate’s, a certificate that is not on the list, or has lapsed', async ({
  as,
  ca,
  held,
  other,
  broker,
}) => {
  const unlisted = await ca.client('web-1');
  const stranger = await ca.client('stranger');
  const lapsed = await ca.client('web-1', -1_000);
  const strangers = [
    as(held, { clientId: 'db-1' }),
    as(held, { username: 'db-1' }),
    as(held, { clientId: 'hub' }),
    as(other),
    as(unlisted),
    as(stranger, { clientId: 'stranger' }),
    as(lapsed),
  ];
  assert.equal(
    await Promise.all(strangers.map(isLetIn)),
    strangers.map(() => false),
  );
  assert.is(broker.counters.refusedConnect, strangers.length);
});

test('refused before MQTT: no certificate, one of another CA, TLS 1.2', async ({ as, held, broker }) => {
  const foreign = await (await makeCa()).client('web-1');
  assert.not(await isLetIn(as(foreign)));
  assert.not(await isLetIn(as({ key: '', cert: '', serial: '' }, { key: undefined, cert: undefined } as never)));
  const { key, cert } = held;
  const old = connectTls({
    port: broker.mesh.tlsPort ?? 0,
    host: '127.0.0.1',
    key,
    cert,
    rejectUnauthorized: false,
    maxVersion: 'TLSv1.2',
  });
  const outcome = await new Promise<string>((resolve) => {
    old.on('error', (error) => resolve(error.message));
    old.on('secureConnect', () => resolve('let in'));
  });
  assert.match(outcome, /protocol version/i);
  assert.ok(await isLetIn(as(held)));
});

test('a certificate does not help without TLS, nor a secret with it', async ({ as, ca, agents, broker }) => {
  // What an agent with a certificate has of secrets is its MAC key, which is what the table holds.
  const mac = agents.get('web-1')?.secretHash ?? new Uint8Array();
  for (const secret of ['', web.secret, Buffer.from(mac).toString('hex'), Buffer.from(mac).toString('latin1')]) {
    assert.not(await isLetIn(broker.client({ ...web, secret })));
  }
  const forged = await ca.client('hub-host');
  assert.not(await isLetIn(as(forged, { clientId: 'hub-host', username: 'hub-host', password: local.secret })));
  assert.ok(await isLetIn(broker.client(local)));
});

test('a client with a stolen agent certificate can neither read another agent’s topics nor issue an order', async ({
  as,
  held,
  other,
  broker,
}) => {
  const victim = as(other, { clientId: 'db-1' });
  const obeyed: string[] = [];
  victim.on('message', (topic) => obeyed.push(topic));
  for (const channel of ['c', 'ack']) assert.ok(await isGranted(victim, `s/1/db-1/${channel}`));
  assert.ok(await isGranted(victim, 's/1/hub/site'));

  const thief = as(held);
  const read: string[] = [];
  thief.on('message', (topic) => read.push(topic));
  for (const filter of ['s/1/db-1/c', 's/1/db-1/ack', 's/1/db-1/e', 's/1/db-1/b', 's/1/+/c', 's/1/#', '#', '$SYS/#']) {
    assert.not(await isGranted(thief, filter), filter);
  }
  assert.ok(await isGranted(thief, 's/1/web-1/c'));
  // Each try costs it the connection, and it comes again.
  for (const topic of ['s/1/db-1/c', 's/1/db-1/ack', 's/1/web-1/c', 's/1/hub/site', 's/1/hub/halt', 's/1/db-1/e']) {
    assert.not(await isTaken(as(held), topic, 'forged'), topic);
  }
  assert.ok(await isTaken(victim, 's/1/db-1/e', 'x'));
  await broker.mesh.publish('s/1/db-1/c', new Uint8Array([1]));
  await until('the hub’s order', () => obeyed.length > 0);
  assert.equal(obeyed, ['s/1/db-1/c']);
  assert.equal(read, []);
  assert.equal(
    broker.heard.map(({ agent }) => agent),
    ['db-1'],
  );
});

test('who is revoked is cut off at once and does not come back; who renews stays', async ({
  as,
  ca,
  held,
  other,
  agents,
  broker,
}) => {
  const client = as(held);
  const neighbour = as(other, { clientId: 'db-1' });
  assert.equal(await Promise.all([isLetIn(client), isLetIn(neighbour)]), [true, true]);
  const closed = new Promise<void>((resolve) => void client.once('close', () => resolve()));
  const known = agents.get('db-1');
  assert.ok(known?.serials !== undefined);
  const renewed = await ca.client('db-1');
  agents.set('db-1', { ...known, serials: [...known.serials, renewed.serial] });
  broker.mesh.recheck('db-1');
  agents.delete('web-1');
  broker.mesh.recheck('web-1');
  await closed;
  assert.not(await isLetIn(as(held)));
  assert.ok(await isTaken(neighbour, 's/1/db-1/e', 'x'));
  assert.ok(await isLetIn(as(renewed, { clientId: 'db-1' })));
  // Enrolled anew, with another certificate: the old connection is not its own any more.
  const stale = as(other, { clientId: 'db-1' });
  assert.ok(await isLetIn(stale));
  const gone = new Promise<void>((resolve) => void stale.once('close', () => resolve()));
  agents.set('db-1', { ...known, serials: [renewed.serial] });
  broker.mesh.recheck('db-1');
  await gone;
});

test('a tool comes in with its certificate, reads and asks, and with no other one', async ({ ca, other, as }) => {
  const mine = await ca.client('dash');
  const tool = { name: 'dash', secret_sha256: 'ab'.repeat(32), evidence: false, sys: false, since: 1, by: 'ann' };
  const tools = new Map([['dash', { ...tool, serial: mine.serial }]]);
  const asked: string[] = [];
  const broker = await openBroker([], {
    agents: enrolled([web]),
    tools,
    onRequest: ({ client, verb }) => asked.push(`${client} ${verb}`),
    tls: { ...ca.server, host: '127.0.0.1', port: 0 },
  });
  const port = broker.mesh.tlsPort ?? 0;
  try {
    const client = as(mine, { port, clientId: 'dash/1' });
    assert.ok(await isLetIn(client));
    assert.ok(await isGranted(client, 'view/1/#'));
    assert.ok(await isTaken(client, 'hub/req/dash/health', '{"tx":1}'));
    assert.equal(asked, ['dash health']);
    const older = await ca.client('dash');
    for (const [what, held, options] of [
      ['an older certificate', older, { clientId: 'dash' }],
      ['an agent’s certificate', other, { clientId: 'dash' }],
      ['another name', mine, { clientId: 'web-1' }],
      ['another user', mine, { clientId: 'dash', username: 'web-1' }],
    ] as const) {
      assert.not(await isLetIn(as(held, { port, ...options })), what);
    }
    // A tool whose certificate is taken from it, as by another enrolment, is cut off.
    const cut = new Promise<void>((resolve) => client.once('close', () => resolve()));
    tools.set('dash', { ...tool, serial: older.serial });
    broker.mesh.checkTools();
    await cut;
    assert.ok(await isLetIn(as(older, { port, clientId: 'dash' })));
  } finally {
    await broker.close();
  }
});

test('a renewed server certificate is shown to who comes from then on, and cuts nobody off', async ({
  as,
  ca,
  held,
  other,
  broker,
}) => {
  const before = as(other, { clientId: 'db-1' });
  assert.ok(await isLetIn(before));
  const next = await makeCa();
  broker.mesh.renewTls({ ...next.server, ca: ca.certificate });
  assert.not(await isLetIn(as(held)));
  assert.ok(await isLetIn(as(held, { ca: next.certificate })));
  assert.ok(await isTaken(before, 's/1/db-1/e', 'x'));
});

test('without TLS it listens on loopback alone', async () => {
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'hub.plant.example']) {
    const outcome = await openBroker([web], { host }).then(
      () => null,
      (error: unknown) => error,
    );
    assert.ok(outcome instanceof BrokerError && outcome.code === 'E_BROKER_PLAIN', host);
  }
});

test.run();
