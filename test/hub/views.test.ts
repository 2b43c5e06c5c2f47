import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCbor } from '../../broker/cbor.ts';
import type { Mesh } from '../../broker/mesh.ts';
import { commitIncident, moved } from '../../hub/store/incidents.ts';
import { VIEWS, Views } from '../../hub/tools/views.ts';
import { birth, event } from '../broker/samples.ts';
import { testAgent, until } from '../broker/site.ts';
import { keys, openSmallHub, proposeTo, type SmallHub } from './small-hub.ts';

interface Said {
  readonly topic: string;
  readonly view: Readonly<Record<string, unknown>> | null;
  readonly text: string;
  readonly retain: boolean;
}

interface Context {
  small: SmallHub;
  said: Said[];
  views: Views;
  wanted: boolean;
  now: number;
}

const test = suite<Context>('views');
test.before.each(async (context) => {
  context.small = await openSmallHub([testAgent('web-1')]);
  context.said = [];
  context.wanted = true;
  context.now = Date.now();
  const mesh: Mesh = {
    ...context.small.hub.mesh,
    publish: async (topic, payload, { retain = false } = {}) => {
      const text = Buffer.from(payload).toString();
      const isCbor = topic.startsWith('view/') && payload.length > 0;
      context.said.push({ topic, view: isCbor ? (decodeCbor(payload) as Said['view']) : null, text, retain });
    },
  };
  context.views = new Views({
    store: context.small.hub.store,
    mesh,
    json: true,
    isWanted: () => context.wanted,
    isAgent: (name) => name === 'web-1',
    now: () => context.now,
  });
});
test.after.each(async ({ small, views }) => {
  views.close();
  await small.close();
});

test('an incident is retained with its summary alone until it is closed, then said once more and taken back', async (context) => {
  const { small, views, said } = context;
  const incident = await proposeTo(small.hub);
  views.incident(incident.id);
  views.incident(incident.id);
  await until('both formats', () => said.length === 2);
  const [view, json] = said;
  assert.is(view?.topic, `view/1/hub/incident/${incident.id}`);
  assert.ok(view?.retain);
  assert.equal(JSON.parse(json?.text ?? ''), { ...view?.view });
  assert.equal(Object.keys(view?.view ?? {}).sort(), [
    'host',
    'id',
    'opened',
    'owner',
    'reason',
    'repeats',
    'severity',
    'signal',
    'state',
    'title',
    'updated',
    'v',
  ]);
  const closed = moved(incident, 'rejected', { now: incident.updated + 5, by: 'ann', note: 'no' });
  await commitIncident(small.hub.store, keys.hub, closed, {
    kind: 'test',
    incident: incident.id,
    actor: 'ann',
    data: {},
  });
  said.length = 0;
  views.incident(incident.id);
  await until('the end', () => said.length === 4);
  assert.equal(
    said.map(({ topic, retain, text }) => [topic.split('/')[0], retain, text === '']),
    [
      ['view', false, false],
      ['json', false, false],
      ['view', true, true],
      ['json', true, true],
    ],
  );
  assert.is(said[0]?.view?.['state'], 'rejected');
});

test('an event has no snapshot in it, and a storm of one agent costs no more than its budget', (context) => {
  const { views, said } = context;
  for (let n = 0; n < VIEWS.eventsBurst * 10; n++) views.event({ ...event, seq: n }, null);
  assert.is(said.length, VIEWS.eventsBurst * 2);
  assert.is(views.left, VIEWS.eventsBurst * 9);
  assert.not.ok(said.some(({ text }) => text.includes('snapshot')));
  views.event({ ...event, agent: 'db-1' }, 'X');
  assert.is(said.at(-2)?.view?.['incident'], 'X', 'another agent has a budget of its own');
});

test('telemetry is the newest sample in each metric’s unit, and not more often than people look', async (context) => {
  const { small, views, said } = context;
  const { store } = small.hub;
  const columns = { boot: birth.boot, schema: birth.schema, metrics: birth.metrics };
  await store.write(() => {
    void store.columns.put(['web-1', 1], columns);
    void store.samples.put(['web-1', context.now - 1_000], [1, 6, 1, 0, 111, 222]);
    void store.samples.put(['web-1', context.now], [1, 7, 2, 0, 995, null]);
  });
  for (let n = 0; n < 5; n++) views.sampled(['web-1', 'nobody']);
  assert.is(said.length, 2);
  assert.equal(
    { ...said[0]?.view, metrics: { ...(said[0]?.view?.['metrics'] as object) } },
    {
      v: 1,
      agent: 'web-1',
      ts: context.now,
      metrics: { 'cpu.percent': 99.5, 'disk.used_percent[/var]': null },
    },
  );
  context.now += VIEWS.telemetryMs;
  views.sampled(['web-1']);
  assert.is(said.length, 4);
});

test('a state names the units of what the telemetry holds', async (context) => {
  const { small, views, said } = context;
  const { store } = small.hub;
  await store.write(() => {
    void store.births.put('web-1', birth);
    void store.births.put('gone', { ...birth, agent: 'gone' });
    for (const agent of ['web-1', 'gone']) {
      void store.presence.put(agent, { state: 'dead', boot: birth.boot, last_seen: 5 });
    }
  });
  views.sayAll();
  await until('the state', () => said.length >= 2);
  assert.is(said.length, 2, 'not of one that is enrolled no more');
  const { topic, view, retain } = said[0] ?? {};
  assert.equal([topic, retain, view?.['state'], view?.['live']], ['view/1/web-1/state', true, 'dead', true]);
  assert.equal({ ...(view?.['units'] as object) }, { 'cpu.percent': '%', 'disk.used_percent[/var]': '%' });
});

test('where nobody may listen nothing is said', async (context) => {
  const { small, views, said } = context;
  context.wanted = false;
  const incident = await proposeTo(small.hub);
  views.incident(incident.id);
  views.event(event, null);
  views.sampled(['web-1']);
  views.sayAll();
  context.wanted = true;
  views.incident(incident.id);
  await until('what came after', () => said.length > 0);
  assert.is(said.length, 2);
});

test.run();
