import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { secretHash } from '../../broker/enroll.ts';
import type { Request } from '../../broker/requests.ts';
import { matches } from '../../broker/routes.ts';
import { covers, type Tool } from '../../broker/tools.ts';
import { isGranted, isLetIn, isTaken, openBroker, type TestAgent, testAgent, until } from './site.ts';

const hashOf = (secret: string) => Buffer.from(secretHash(secret)).toString('hex');
const toolNamed = (name: string, change: Partial<Tool> = {}): Tool => ({
  name,
  secret_sha256: hashOf(`${name}-secret`),
  evidence: false,
  sys: false,
  since: 1,
  by: 'ann',
  ...change,
});
/** As openBroker's `client` takes it. */
const dash: TestAgent = testAgent('dash');

const test = suite('tools');

test('a filter covers another only when every topic of the second is one of the first', () => {
  const level = fc.constantFrom('a', 'b', '1', '$x', '');
  const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'));
  const filters = fc
    .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([levels, all]) => [...levels, ...(all ? ['#'] : [])].join('/'));
  fc.assert(
    fc.property(filters, filters, topics, (wide, narrow, topic) => {
      if (covers(wide, narrow) && matches(narrow, topic)) assert.ok(matches(wide, topic), `${wide} ${narrow} ${topic}`);
    }),
    { numRuns: 5_000 },
  );
  for (const [wide, narrow, expected] of [
    ['view/1/#', 'view/1/#', true],
    ['view/1/#', 'view/1/web-1/telemetry', true],
    ['view/1/#', '#', false],
    ['view/1/#', 'view/#', false],
    ['s/1/+/b', 's/1/+/b', true],
    ['s/1/+/b', 's/1/+/+', false],
    ['s/1/+/b', 's/1/web-1/b', true],
    ['s/1/+/b', 's/1/#', false],
    ['s/1/hub/+', '+/1/hub/st', false],
    ['$SYS/#', '$SYS/broker/uptime', true],
    ['view/1/#', '$share/g/view/1/#', false],
  ] as const) {
    assert.is(covers(wide, narrow), expected, `${wide} over ${narrow}`);
  }
});

test('a tool reads views and agents’ words, and neither orders, results, acks nor another tool’s answers', async () => {
  const agent = testAgent('web-1');
  const tools = new Map([['dash', toolNamed('dash')]]);
  const broker = await openBroker([agent], { tools });
  try {
    const client = broker.client(dash, { clientId: 'dash/1' });
    assert.ok(await isLetIn(client));
    for (const filter of [
      'view/1/#',
      'json/1/#',
      's/1/+/b',
      's/1/web-1/e',
      's/1/+/m',
      's/1/hub/st',
      'hub/res/dash/health',
    ]) {
      assert.ok(await isGranted(client, filter), filter);
    }
    for (const filter of [
      '#',
      '+/#',
      's/1/#',
      's/1/+/c',
      's/1/web-1/r',
      's/1/web-1/ack',
      'hub/res/+/+',
      'hub/#',
      '$SYS/#',
    ]) {
      assert.not.ok(await isGranted(client, filter), filter);
    }
    const heard: string[] = [];
    client.on('message', (topic) => heard.push(topic));
    const speaker = broker.client(agent);
    assert.ok(await isLetIn(speaker));
    assert.ok(await isTaken(speaker, 's/1/web-1/r', 'a result'));
    assert.ok(await isTaken(speaker, 's/1/web-1/e', 'an event'));
    assert.ok(await isTaken(speaker, 's/1/web-1/m', 'frames'));
    await broker.mesh.publish('view/1/web-1/state', Buffer.from('v'), { retain: true });
    await until('all that it may hear', () => heard.length >= 3);
    assert.equal(heard.sort(), ['s/1/web-1/e', 's/1/web-1/m', 'view/1/web-1/state']);
  } finally {
    await broker.close();
  }
});

test('a tool says nothing but requests in its own name, even when it has the name of a host', async () => {
  const tools = new Map([['dash', toolNamed('dash')]]);
  const asked: Request[] = [];
  const broker = await openBroker([], { tools, onRequest: (request) => asked.push(request) });
  try {
    for (const [topic, retain] of [
      ['s/1/dash/b', false],
      ['s/1/dash/st', true],
      ['s/1/web-1/c', false],
      ['view/1/web-1/state', false],
      ['hub/res/dash/health', false],
      ['hub/req/other/health', false],
      ['hub/req/dash/health', true],
      ['hub/req/dash/health/more', false],
    ] as const) {
      const client = broker.client(dash);
      assert.ok(await isLetIn(client));
      assert.not.ok(await isTaken(client, topic, 'x', retain), topic);
    }
    const client = broker.client(dash);
    assert.ok(await isLetIn(client));
    assert.ok(await isTaken(client, 'hub/req/dash/health', '{"tx":1}'));
    assert.equal(
      asked.map(({ client: by, verb }) => [by, verb]),
      [['dash', 'health']],
    );
    assert.is(broker.heard.length, 0, 'nothing reached the intake');
  } finally {
    await broker.close();
  }
});

test('only the secret lets in, under the tool’s own name, so many times at once', async () => {
  const tools = new Map([['dash', toolNamed('dash')]]);
  const broker = await openBroker([], { tools });
  try {
    for (const options of [
      { password: 'wrong' },
      { clientId: 'other' },
      { clientId: 'other/1' },
      { clientId: 'dash/a/b' },
      { clientId: 'dash/' },
      { clientId: 'dash/+' },
    ]) {
      assert.not.ok(await isLetIn(broker.client(dash, options)), JSON.stringify(options));
    }
    for (let n = 1; n <= 8; n++) assert.ok(await isLetIn(broker.client(dash, { clientId: `dash/${n}` })), `${n}`);
    assert.not.ok(await isLetIn(broker.client(dash, { clientId: 'dash/9' })));
    // The same client again takes the place of its first connection.
    assert.ok(await isLetIn(broker.client(dash, { clientId: 'dash/8' })));
  } finally {
    await broker.close();
  }
});

test('a tool that is removed is cut off at once; others stay', async () => {
  const tools = new Map([
    ['dash', toolNamed('dash')],
    ['log', toolNamed('log', { sys: true })],
  ]);
  const broker = await openBroker([], { tools });
  try {
    const gone = broker.client(dash);
    const stays = broker.client(testAgent('log'));
    assert.ok(await isLetIn(gone));
    assert.ok(await isLetIn(stays));
    assert.ok(await isGranted(stays, '$SYS/#'));
    const cut = new Promise<void>((resolve) => gone.once('close', () => resolve()));
    tools.delete('dash');
    // An equal one that came over from another thread is the same tool.
    tools.set('log', toolNamed('log', { sys: true }));
    broker.mesh.checkTools();
    await cut;
    assert.ok(await isGranted(stays, 'view/1/#'));
    assert.not.ok(await isLetIn(broker.client(dash)));
  } finally {
    await broker.close();
  }
});

test.run();
