import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCbor, encodeCbor } from '../../broker/cbor.ts';
import { secretHash } from '../../broker/enroll.ts';
import { newKeyPair } from '../../broker/keys.ts';
import { order as orderShape, type Result } from '../../broker/messages.ts';
import { open, peek, seal } from '../../broker/signed.ts';
import { ulid } from '../../broker/ulid.ts';
import { auditHead, readAudit } from '../../hub/chain/audit.ts';
import { sendOrder } from '../../hub/orders.ts';
import { getIncident, listIncidents } from '../../hub/store/incidents.ts';
import { readSamples } from '../../hub/store/samples.ts';
import { FrameWriter } from '../broker/frame-writer.ts';
import * as samples from '../broker/samples.ts';
import { isGranted, type TestAgent, until } from '../broker/site.ts';
import { type Context, clientOf, db, eventOf, hears, isWhole, say, sealed, web, withAgents } from './said-by-agents.ts';
import { keys, proposeTo } from './small-hub.ts';

const test = suite<Context>('intake');
withAgents(test);

test('a good event opens an incident, is in the chain, and is acknowledged by signature', async (context) => {
  const acks = await hears(context, web);
  assert.ok(await say(context, web, 'e', sealed('event', eventOf(web, 1), web)));
  const { store } = context.small.hub;
  assert.is(listIncidents(store, 10).length, 1);
  await until('the ack', () => acks.length === 1);
  assert.equal([acks[0]?.agent, acks[0]?.through, acks[0]?.counter], ['web-1', 1, 1]);
  isWhole(context);
});

test('bad messages are each counted by code, and a good event afterwards still opens an incident', async (context) => {
  const { intake, hub } = context.small;
  const event = eventOf(web, 1);
  const rows: readonly (readonly [string, string, Uint8Array])[] = [
    ['e', 'E_CBOR', new Uint8Array([0xff, 0xff])],
    ['r', 'E_CBOR', new Uint8Array([0x9f])],
    ['b', 'E_CBOR', new Uint8Array(0)],
    ['st', 'E_CBOR', new Uint8Array([0x61])],
    ['m', 'E_FRAME_SCHEMA', new Uint8Array([0x82, 0x40])],
    ['e', 'E_MESSAGE_SHAPE', encodeCbor({ not: 'signed' })],
    ['e', 'E_MESSAGE_SHAPE', sealed('event', { ...event, seq: -1 }, web)],
    ['e', 'E_MESSAGE_SHAPE', sealed('event', { ...event, agent: 'db-1' }, web)],
    ['e', 'E_CBOR', seal('event', new Uint8Array([0xc0, 0]), web.key)],
    ['e', 'E_SIGNATURE', sealed('event', event, db)],
    ['e', 'E_SIGNATURE', sealed('event', event, { ...web, key: newKeyPair() })],
    ['e', 'E_SIGNATURE', sealed('result', event, web)],
    ['r', 'E_MESSAGE_SHAPE', sealed('result', { ...samples.result, agent: 'db-1' }, web)],
    ['b', 'E_SIGNATURE', sealed('birth', { ...samples.birth, agent: 'web-1' }, db)],
    ['b', 'E_MESSAGE_SHAPE', sealed('birth', { ...samples.birth, agent: 'db-1' }, web)],
    ['m', 'E_FRAME_SCHEMA', frameOf(web)],
  ];
  const expected = new Map<string, number>();
  for (const [channel, code, payload] of rows) {
    expected.set(code, (expected.get(code) ?? 0) + 1);
    assert.ok(await say(context, web, channel, payload), 'refused, not repeated for ever');
    assert.equal([...intake.dropped].sort(), [...expected].sort(), `${channel} ${code}`);
  }
  assert.is(listIncidents(hub.store, 10).length, 0);
  assert.ok(context.small.log.length < rows.length, 'not a line for each');
  assert.ok(await say(context, web, 'e', sealed('event', event, web)));
  assert.ok(await say(context, db, 'e', sealed('event', eventOf(db, 1), db)));
  assert.is(listIncidents(hub.store, 10).length, 2);
  isWhole(context);
});

function frameOf(agent: TestAgent): Uint8Array {
  const writer = new FrameWriter({ boot: samples.birth.boot, secretHash: secretHash(agent.secret) });
  const [payload] = writer.add({ schema: samples.birth.schema, ts: 1, values: [1, 2] }, samples.birth.metrics);
  assert.ok(payload);
  return payload;
}

test('telemetry with the birth that explains it is stored in its units', async (context) => {
  const { store } = context.small.hub;
  assert.ok(await say(context, web, 'b', sealed('birth', { ...samples.birth, agent: 'web-1' }, web)));
  for (const payload of [frameOf(db), new Uint8Array([0x82, 0x40])]) assert.ok(await say(context, web, 'm', payload));
  assert.equal([...context.small.intake.dropped], [['E_SIGNATURE', 2]]);
  assert.ok(await say(context, web, 'm', frameOf(web)));
  const stored = readSamples(store, 'web-1', { limit: 10 }).map(({ values }) => values);
  assert.equal(stored, [{ 'cpu.percent': 1, 'disk.used_percent[/var]': 2 }]);
});

test('a birth that was signed once is not believed for ever: neither an earlier one nor an earlier start', async (context) => {
  const { store } = context.small.hub;
  const birth = (boot: string, count: number, more = {}) =>
    sealed('birth', { ...samples.birth, agent: 'web-1', boot, count, ...more }, web);
  const [first, second] = ['1'.repeat(16), '2'.repeat(16)];
  const old = birth(first, 1);
  for (const payload of [old, birth(first, 2, { schema: 4 }), birth(first, 2, { schema: 4 })]) {
    assert.ok(await say(context, web, 'b', payload));
  }
  assert.ok(await say(context, web, 'b', old));
  assert.equal([store.births.get('web-1')?.boot, store.births.get('web-1')?.schema], [first, 4]);
  assert.ok(await say(context, web, 'b', birth(second, 1)));
  for (const payload of [old, birth(first, 3)]) assert.ok(await say(context, web, 'b', payload));
  assert.is(store.births.get('web-1')?.boot, second);
  assert.equal([...context.small.intake.dropped], [['E_BIRTH_OLD', 3]]);
});

test('telemetry that is stored is acknowledged by signature, and not for each sample', async (context) => {
  const acks = await hears(context, web);
  assert.ok(await say(context, web, 'b', sealed('birth', { ...samples.birth, agent: 'web-1' }, web)));
  const writer = new FrameWriter({ boot: samples.birth.boot, secretHash: secretHash(web.secret) });
  for (let n = 1; n <= 30; n++) {
    const [payload] = writer.add({ schema: samples.birth.schema, ts: n, values: [n, 2] }, samples.birth.metrics);
    assert.ok(await say(context, web, 'm', payload ?? new Uint8Array(0)));
  }
  await until('an ack', () => acks.length > 0);
  const [ack] = acks;
  assert.ok(ack?.frames !== undefined && ack.frames >= 1 && ack.frames <= 30);
  assert.equal([ack.boot, ack.through], [samples.birth.boot, 0]);
  assert.ok(acks.length <= 3);
});

test('events that come out of order are stored and acknowledged by the stretch, and none is taken for another', async (context) => {
  const acks = await hears(context, web);
  for (const seq of [3, 1, 2, 3]) assert.ok(await say(context, web, 'e', sealed('event', eventOf(web, seq), web)));
  assert.is(listIncidents(context.small.hub.store, 10).length, 3);
  await until('four acks', () => acks.length === 4);
  assert.equal(
    acks.map(({ through, also }) => [through, also]),
    [
      [0, { from: 3, to: 3 }],
      [1, undefined],
      [3, undefined],
      [3, undefined],
    ],
  );
});

test('what an agent says it has lost is recorded once, without what came after all, and acknowledged', async (context) => {
  const acks = await hears(context, web);
  const { hub } = context.small;
  assert.ok(await say(context, web, 'e', sealed('event', eventOf(web, 2), web)));
  const birth = { ...samples.birth, agent: 'web-1', lost: [{ boot: samples.event.boot, from: 1, to: 4 }] };
  for (const count of [1, 2]) assert.ok(await say(context, web, 'b', sealed('birth', { ...birth, count }, web)));
  await until('three acks', () => acks.length === 3);
  assert.equal([acks[1]?.boot, acks[1]?.through], [samples.event.boot, 4]);
  const lost = [...hub.store.audit.getRange({})]
    .map(({ value }) => readAudit(value))
    .filter((one) => one.kind === 'agent.lost');
  assert.equal(
    lost.map(({ actor, data }) => `${actor} ${JSON.stringify(data)}`),
    [
      [1, 1],
      [3, 4],
    ].map(([from, to]) => `web-1 ${JSON.stringify({ boot: samples.event.boot, from, to })}`),
  );
  isWhole(context);
});

test('an event that comes twice opens one incident, and is acknowledged twice', async (context) => {
  const acks = await hears(context, web);
  const payload = sealed('event', eventOf(web, 1), web);
  for (let i = 0; i < 2; i++) assert.ok(await say(context, web, 'e', payload));
  await until('both acks', () => acks.length === 2);
  assert.equal(
    acks.map(({ through }) => through),
    [1, 1],
  );
  const [first, second] = acks;
  assert.ok((second?.counter ?? 0) > (first?.counter ?? 0));
  const [only, ...more] = listIncidents(context.small.hub.store, 10);
  assert.is(more.length, 0);
  assert.is(getIncident(context.small.hub.store, only?.id ?? '')?.repeats, 0);
});

test('acks of many agents at once carry counters that only grow, and heads that never go back', async (context) => {
  const all = [await hears(context, web), await hears(context, db)];
  await Promise.all(
    [web, db].map(async (agent) => {
      for (let seq = 1; seq <= 10; seq++) await say(context, agent, 'e', sealed('event', eventOf(agent, seq), agent));
    }),
  );
  await until('all acks', () => all.every((acks) => acks.length === 10));
  for (const acks of all) {
    for (const [i, ack] of acks.slice(1).entries()) {
      const before = acks[i];
      assert.ok(before && ack.counter > before.counter && ack.audit_head.count >= before.audit_head.count);
    }
  }
  const counters = all.flat().map(({ counter }) => counter);
  assert.is(new Set(counters).size, counters.length);
  isWhole(context);
});

test('a message is acknowledged only after it is stored', async (context) => {
  let release: () => void = () => {};
  context.small.hold = new Promise<void>((resolve) => {
    release = resolve;
  });
  let taken = false;
  const sending = say(context, web, 'e', sealed('event', eventOf(web, 1), web)).then((answer) => {
    taken = answer;
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.not(taken);
  assert.is(listIncidents(context.small.hub.store, 10).length, 0);
  release();
  await sending;
  assert.ok(taken);
  assert.is(listIncidents(context.small.hub.store, 10).length, 1);
});

const resultOf = (agent: TestAgent, incident: string, seq: number): Result => ({
  ...samples.result,
  agent: agent.name,
  incident,
  seq,
  order: ulid(),
});

test('a result for an order that was not given, or by another host, changes nothing', async (context) => {
  const { hub } = context.small;
  const incident = await proposeTo(hub);
  assert.ok(await say(context, web, 'r', sealed('result', resultOf(web, incident.id, 1), web)));
  assert.ok(await say(context, db, 'r', sealed('result', resultOf(db, incident.id, 1), db)));
  assert.ok(await say(context, web, 'r', sealed('result', resultOf(web, ulid(), 2), web)));
  assert.equal(getIncident(hub.store, incident.id)?.results, []);
});

test('an order sent again shows the chain’s present head, so that no agent takes it for one that went back', async (context) => {
  const { hub } = context.small;
  const incident = await proposeTo(hub);
  const sent: { count: number; id: string; dry: boolean }[] = [];
  const client = clientOf(context, web);
  assert.ok(await isGranted(client, 's/1/web-1/c'));
  client.on('message', (topic, payload) => {
    if (!topic.endsWith('/c')) return;
    const order = orderShape(decodeCbor(open('order', new Uint8Array(payload), keys.hub.public)), '');
    sent.push({ count: order.audit_head.count, id: order.id, dry: order.dry_run });
  });
  const made = { ...samples.order, agent: 'web-1', audit_head: { count: 1, hash: 'ab'.repeat(32) } };
  const order = {
    id: made.id,
    purpose: 'apply' as const,
    boot: made.boot,
    bytes: sealed('order', made, { ...web, key: keys.hub }),
    sent: 1,
    dry_run: false,
  };
  await sendOrder(hub, incident, order);
  await say(context, web, 'e', sealed('event', eventOf(web, 1), web));
  const head = auditHead(hub.store);
  await sendOrder(hub, incident, order);
  await until('both orders', () => sent.length === 2);
  assert.ok((sent[0]?.count ?? 0) < head.count);
  assert.is((sent[1]?.count ?? 0) >= head.count, true);
  assert.equal(
    sent.map(({ id }) => id),
    [made.id, made.id],
  );
  // Started anew as a dry run, the hub sends what it had made live as a dry run.
  await sendOrder({ ...hub, live: false }, incident, order);
  await until('the third order', () => sent.length === 3);
  assert.equal(
    sent.map(({ dry }) => dry),
    [false, false, true],
  );
  assert.is(hub.delivered.get(made.id), 'web-1');
  assert.equal((decodeCbor(peek(order.bytes)) as { audit_head: { count: number } }).audit_head.count, 1);
});

test.run();
