import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HttpDoor } from '../../../hub/http/door.ts';
import { exposition, type MetricFamily } from '../../../hub/metrics/exposition.ts';
import { checkHealth, healthAnswer } from '../../../hub/metrics/health.ts';
import { openMetrics } from '../../../hub/metrics/open-metrics.ts';
import { commitIncident, moved, putIncident, timesEntered } from '../../../hub/store/incidents.ts';
import { StoreError } from '../../../hub/store/store.ts';
import { testAgent } from '../../broker/site.ts';
import { keys, openSmallHub, proposeTo, type SmallHub } from '../small-hub.ts';

interface Context {
  small: SmallHub;
  door: HttpDoor;
  trouble: string | null;
}

const BIRTH = '0123456789abcdef';

const test = suite<Context>('metrics');
test.before(async (context) => {
  const small = await openSmallHub([testAgent('web-1')]);
  context.small = small;
  context.trouble = null;
  context.door = await openMetrics({
    door: { host: '127.0.0.1', port: 0, token: null },
    sources: {
      hub: small.hub,
      folder: small.folder,
      started: 1_700_000_000_000,
      reasoner: () => 'rules "and\\more"\n',
      dropped: new Map([['E_CBOR', 3]]),
      broker: () => null,
      notices: () => [{ channel: 'chat', waiting: 2, counts: { sent: 5, failed: 1, given_up: 0 } }],
    },
    health: { store: small.hub.store, mesh: () => context.trouble },
    tls: null,
    log: small.hub.log,
  });
});
test.after(async ({ small, door }) => {
  await door.close();
  await small.close();
});

/** A series of the text format, read by its grammar: name{label="value",...} number. */
function read(text: string): Map<string, number> {
  const series = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name = '', labels = '', value = ''] = /^([a-z_:][a-z0-9_:]*)(\{.*\})? (\S+)$/.exec(line) ?? [];
    assert.ok(name !== '', `no series: ${line}`);
    const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\\n]|\\[\\"n])*)"/g)].map(
      ([, label = '', raw = '']) => [label, raw.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c))] as const,
    );
    series.set(name + (pairs.length === 0 ? '' : JSON.stringify(Object.fromEntries(pairs))), Number(value));
  }
  return series;
}

const get = async (context: Context, path: string) => {
  const response = await fetch(`http://127.0.0.1:${context.door.port}${path}`);
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
};

test('a label keeps whatever stands in it', () => {
  void fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (value) => {
      const family: MetricFamily = {
        name: 'a_b',
        help: value,
        type: 'gauge',
        samples: [{ labels: { x: value }, value: 1 }],
      };
      const [series] = read(exposition([family])).keys();
      assert.is(series, `a_b${JSON.stringify({ x: value })}`);
    }),
  );
});

test('incidents are counted as they stand, and as they went', async (context) => {
  const { store } = context.small.hub;
  const now = Date.now();
  await store.write(() => {
    void store.presence.put('web-1', { state: 'online', boot: BIRTH, last_seen: now });
    void store.presence.put('nobody', { state: 'dead', boot: BIRTH, last_seen: now });
  });
  const first = await proposeTo(context.small.hub);
  await proposeTo(context.small.hub);
  const closed = moved(first, 'rejected', { now: now + 5, by: 'ann', note: 'no' });
  await commitIncident(store, keys.hub, closed, { kind: 'test', incident: first.id, actor: 'ann', data: {} });
  const { type, text } = await get(context, '/metrics');
  assert.is(type, 'text/plain; version=0.0.4; charset=utf-8');
  const series = read(text);
  const at = (name: string, labels?: object) => series.get(name + (labels === undefined ? '' : JSON.stringify(labels)));
  assert.is(at('sentinel_incidents_open', { state: 'proposed', severity: 'critical' }), 1);
  assert.is(at('sentinel_incidents_open', { state: 'rejected', severity: 'critical' }), undefined);
  assert.is(at('sentinel_incident_transitions_total', { state: 'proposed' }), 2);
  assert.is(at('sentinel_incident_transitions_total', { state: 'rejected' }), 1);
  assert.is(at('sentinel_incident_transitions_total', { state: 'failed' }), 0);
  assert.is(at('sentinel_agents', { state: 'online' }), 1);
  assert.is(at('sentinel_agents', { state: 'dead' }), undefined, 'who is not enrolled is not counted');
  assert.is(at('sentinel_messages_dropped_total', { code: 'E_CBOR' }), 3);
  assert.is(at('sentinel_hub_info', { site: 'local', mode: 'live', reasoner: 'rules "and\\more"\n' }), 1);
  assert.is(at('sentinel_notices_waiting', { channel: 'chat' }), 2);
  assert.is(at('sentinel_notices_total', { channel: 'chat', outcome: 'sent' }), 5);
  assert.is(at('sentinel_halted'), 0);
  assert.is(at('sentinel_audit_records_total'), 3);
  const size = at('sentinel_store_size_bytes') ?? 0;
  const used = at('sentinel_store_used_bytes') ?? 0;
  assert.ok(used > 0 && used < size, `${used} of ${size}`);
  assert.ok((at('sentinel_store_free_bytes') ?? 0) > 0);
  assert.ok((at('process_cpu_seconds_total') ?? 0) > 0);
});

test('what is written again in its state is not counted again, nor what was not kept', async ({ small }) => {
  const { store } = small.hub;
  const before = timesEntered(store, 'proposed');
  const incident = await proposeTo(small.hub);
  await commitIncident(
    store,
    keys.hub,
    { ...incident, repeats: 9 },
    { kind: 'test', incident: incident.id, actor: 'ann', data: {} },
  );
  assert.is(timesEntered(store, 'proposed'), before + 1);
  const failed = moved(incident, 'failed', { now: Date.now(), by: 'hub', note: '' });
  const write = store.write(() => {
    putIncident(store, failed);
    throw new Error('the disk is full');
  });
  assert.is(
    await write.then(
      () => 'kept',
      () => 'lost',
    ),
    'lost',
  );
  assert.is(timesEntered(store, 'failed'), 0);
});

test('only what is served is answered, and only to who reads', async (context) => {
  assert.is((await get(context, '/')).status, 404);
  const response = await fetch(`http://127.0.0.1:${context.door.port}/metrics`, { method: 'POST', body: 'x' });
  assert.is(response.status, 405);
  assert.is(response.headers.get('allow'), 'GET, HEAD');
});

test('healthz says what is wrong and what to do', async (context) => {
  const { store } = context.small.hub;
  const { status, text } = await get(context, '/healthz');
  assert.is(status, 200);
  assert.equal(JSON.parse(text), {
    status: 'ok',
    checks: { store: { ok: true }, mesh: { ok: true }, audit: { ok: true } },
  });

  context.trouble = 'not connected to the broker mqtts://b';
  await store.write(() => void store.meta.put('audit_check', { at: 1, ok: false, record: 7, why: 'it was changed' }));
  const full: typeof store = Object.create(store, {
    write: { value: () => Promise.reject(new StoreError('E_STORE_WRITE', 'the disk is full')) },
  });
  const { ok, body } = healthAnswer(await checkHealth({ store: full, mesh: () => context.trouble }));
  assert.not.ok(ok);
  const { checks } = JSON.parse(body);
  assert.is(checks.store.why, 'the disk is full');
  assert.is(checks.mesh.why, context.trouble);
  assert.match(checks.audit.why, /record 7: it was changed.*audit verify/);
});

test.run();
