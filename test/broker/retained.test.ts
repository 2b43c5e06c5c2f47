import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Retained } from '../../broker/retained.ts';
import { matches } from '../../broker/routes.ts';
import { isGranted, isLetIn, openBroker, testAgent, until } from './site.ts';

const test = suite('retained messages');

const message = (topic: string, text: string) => ({
  cmd: 'publish' as const,
  topic,
  payload: Buffer.from(text),
  qos: 1 as const,
  retain: true,
  dup: false,
});

test('each filter gets the newest of every topic that it matches, and nothing that was erased', () => {
  const levels = fc.array(fc.constantFrom('s', '1', 'a', 'b', '$SYS', ''), { minLength: 1, maxLength: 4 });
  const topics = levels.map((parts) => parts.join('/'));
  const filters = fc
    .tuple(fc.array(fc.constantFrom('s', '1', 'a', '+', '$SYS'), { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([parts, all]) => [...parts, ...(all ? ['#'] : [])].join('/'));
  void fc.assert(
    fc.property(
      fc.array(fc.tuple(topics, fc.constantFrom('', 'x', 'y')), { maxLength: 30 }),
      fc.oneof(filters, topics),
      (said, filter) => {
        const retained = new Retained();
        const newest = new Map<string, string>();
        for (const [topic, text] of said) {
          retained.keep(message(topic, text));
          newest.set(topic, text);
        }
        const found = [...retained.of([filter])].map(({ topic, payload }) => `${topic} ${payload}`);
        const wanted = [...newest].filter(([topic, text]) => text !== '' && matches(filter, topic));
        assert.equal(found.sort(), wanted.map(([topic, text]) => `${topic} ${text}`).sort());
      },
    ),
    { numRuns: 500 },
  );
});

test('through the broker: what is retained is there for who comes later, until it is erased', async () => {
  const web = testAgent('web-1');
  const broker = await openBroker([web]);
  try {
    for (const text of ['old', 'new']) await broker.mesh.publish('s/1/hub/site', Buffer.from(text), { retain: true });
    await broker.mesh.publish('s/1/hub/halt', Buffer.from('halt'), { retain: true });
    await broker.mesh.publish('s/1/hub/halt', Buffer.alloc(0), { retain: true });
    await broker.mesh.publish('s/1/hub/ckpt', Buffer.from('not retained'));
    const client = broker.client(web);
    const heard: string[] = [];
    client.on('message', (topic, payload, { retain }) => heard.push(`${topic} ${payload} ${retain}`));
    assert.ok(await isLetIn(client));
    for (const topic of ['s/1/hub/halt', 's/1/hub/ckpt', 's/1/hub/site']) assert.ok(await isGranted(client, topic));
    await until('the retained one', () => heard.length > 0);
    assert.equal(heard, ['s/1/hub/site new true']);
  } finally {
    await broker.close();
  }
});

test.run();
