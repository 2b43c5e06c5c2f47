import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type MqttClient } from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Growth } from '../../agent/growth.ts';
import { Prober } from '../../agent/probe/prober.ts';
import { ProcFiles } from '../../agent/sense/proc-files.ts';
import { Sensor } from '../../agent/sense/sensor.ts';
import { Trust } from '../../agent/trust.ts';
import { Watch } from '../../agent/watch.ts';
import { decodeCbor, encodeCbor } from '../../broker/cbor.ts';
import { type ProbeResult, probeRequest } from '../../broker/probe-messages.ts';
import { sealRoster } from '../../broker/roster.ts';
import { open, seal } from '../../broker/signed.ts';
import { askHost } from '../../hub/ask-host.ts';
import { readAudit, verifyAudit } from '../../hub/chain/audit.ts';
import { type ProbeAnswer, ProbeAskError, Probes } from '../../hub/probes.ts';
import { getIncident } from '../../hub/store/incidents.ts';
import * as samples from '../broker/samples.ts';
import { isGranted, isTaken, type TestAgent, testAgent, until } from '../broker/site.ts';
import { keys, openSmallHub, proposeTo, type SmallHub } from './small-hub.ts';

const [web, db] = [testAgent('web-1'), testAgent('db-1')];
const SECRET = 'Marble1204Quarry';

interface Context {
  small: SmallHub;
  clients: Map<TestAgent, MqttClient>;
  incident: string;
}
const test = suite<Context>('asking agents', {} as Context);
test.before.each(async (context) => {
  const small = await openSmallHub([web, db]);
  context.small = small;
  context.clients = new Map();
  for (const agent of [web, db]) {
    const client = connect(`mqtt://127.0.0.1:${small.port}`, {
      clientId: agent.name,
      username: agent.name,
      password: agent.secret,
      protocolVersion: 4,
      reconnectPeriod: 0,
    });
    client.on('error', () => {});
    context.clients.set(agent, client);
    const birth = seal('birth', encodeCbor({ ...samples.birth, agent: agent.name }), agent.key);
    assert.ok(await isTaken(client, `s/1/${agent.name}/b`, birth, true));
  }
  context.incident = (await proposeTo(small.hub)).id;
});
test.after.each(async ({ small, clients }) => {
  for (const client of clients.values()) client.end(true);
  await small.close();
});

const clientOf = ({ clients }: Context, agent: TestAgent): MqttClient => {
  const client = clients.get(agent);
  assert.ok(client);
  return client;
};

/** Answers what comes on an agent's topic of orders, as `answer` says; null says nothing. */
async function listen(
  context: Context,
  agent: TestAgent,
  answer: (asked: ProbeResult) => readonly (readonly [TestAgent, object])[],
): Promise<void> {
  const client = clientOf(context, agent);
  client.on('message', (topic, payload) => {
    if (topic !== `s/1/${agent.name}/c`) return;
    const { id, probe, boot } = probeRequest(decodeCbor(open('probe', new Uint8Array(payload), keys.hub.public)), '');
    const said: ProbeResult = {
      agent: agent.name,
      boot,
      id,
      probe,
      state: 'done',
      lines: [],
      truncated: false,
      started: 1,
      ended: 2,
    };
    for (const [by, value] of answer(said)) {
      clientOf(context, by).publish(`s/1/${by.name}/r`, Buffer.from(seal('probe_result', encodeCbor(value), by.key)), {
        qos: 1,
      });
    }
  });
  assert.ok(await isGranted(client, `s/1/${agent.name}/c`));
}

const ask = (
  { small, incident }: Context,
  probe: string,
  param = '',
  probes = small.hub.probes,
): Promise<ProbeAnswer> => probes.ask(small.hub, small.driver, { incident, probe, param, by: 'ann' });
const codeOf = (asking: Promise<unknown>): Promise<string> =>
  asking.then(
    () => 'none',
    (error: unknown) => (error instanceof ProbeAskError ? error.code : String(error)),
  );

test('a real agent is asked over the real broker; the answer is kept with the incident, and in the chain', async (context) => {
  const { small, incident } = context;
  const dir = mkdtempSync(join(tmpdir(), 'sentinel-ask-'));
  const sensor = new Sensor({ proc: new ProcFiles(), watch: new Watch(dir), cores: availableParallelism() });
  await sensor.sample();
  const trust = new Trust(dir, keys.root.public);
  trust.learnRoster(sealRoster(small.hub.roster, keys.root));
  const client = clientOf(context, web);
  const prober = new Prober({
    agent: 'web-1',
    boot: samples.BOOT,
    trust,
    host: { sensor, growth: new Growth(), root: '/', now: Date.now },
    inventory: () => samples.birth.inventory,
    say: (result) =>
      void client.publish('s/1/web-1/r', Buffer.from(seal('probe_result', encodeCbor(result), web.key)), { qos: 1 }),
  });
  client.on('message', (topic, payload) => {
    if (topic === 's/1/web-1/c') prober.hear(new Uint8Array(payload));
  });
  assert.ok(await isGranted(client, 's/1/web-1/c'));
  try {
    const answer = await ask(context, 'memory');
    assert.equal([answer.state, answer.by, answer.probe], ['done', 'ann', 'memory']);
    assert.ok(answer.lines.some(({ text }) => text.startsWith('MemTotal:')));
    const failed = await ask(context, 'dns_lookup', 'web-1');
    assert.ok(['failed', 'done'].includes(failed.state), failed.state);
    assert.is((await ask(context, 'unit_status', 'nginx.service')).name, 'nginx.service');
    assert.equal(
      getIncident(small.hub.store, incident)?.probes?.map(({ probe }) => probe),
      ['memory', 'dns_lookup', 'unit_status'],
    );
    const chain = [...small.hub.store.audit.getRange({})].map(({ value }) => readAudit(value));
    assert.is(chain.filter(({ kind }) => kind === 'probe.asked').length, 3);
    assert.is(chain.filter(({ kind, actor }) => kind === 'probe.answered' && actor === 'web-1').length, 3);
    assert.ok(verifyAudit(small.hub.store, [small.hub.key.public]).ok);
  } finally {
    await prober.close();
    sensor.close();
    rmSync(dir, { recursive: true });
  }
});

test('what an agent that hides nothing says is redacted before it is kept', async (context) => {
  const lines = [{ text: `login with password=${SECRET}`, trusted: false }];
  await listen(context, web, (said) => [[web, { ...said, lines }]]);
  const answer = await ask(context, 'recent_changes');
  assert.equal(answer.lines, [{ text: 'login with password=[redacted]', trusted: false }]);
  assert.not.match(JSON.stringify(getIncident(context.small.hub.store, context.incident)?.probes), new RegExp(SECRET));
});

test('an answer of another agent, by another key, to another question or unasked changes nothing', async (context) => {
  const { small } = context;
  const wrong = { lines: [{ text: 'planted', trusted: true }] };
  let own: (() => void) | undefined;
  await listen(context, web, (said) => {
    own = () => small.hub.probes.hear(small.hub, 'web-1', seal('probe_result', encodeCbor(said), web.key));
    return [
      [db, { ...said, ...wrong }],
      [db, { ...said, ...wrong, agent: 'db-1' }],
      [web, { ...said, ...wrong, boot: 'fedcba9876543210' }],
      [web, { ...said, ...wrong, probe: 'memory' }],
      [web, { ...said, ...wrong, id: samples.ULID_A }],
      [web, { ...said, ...wrong, state: 'splendid' }],
    ];
  });
  const asking = ask(context, 'sessions');
  const dropped = () => [...small.intake.dropped.values()].reduce((sum, n) => sum + n, 0);
  await until('all but the one that answers no question were counted', () => dropped() >= 5);
  assert.equal([...small.intake.dropped.keys()].sort(), ['E_MESSAGE_SHAPE', 'E_PROBE_AGENT']);
  assert.is(getIncident(small.hub.store, context.incident)?.probes, undefined, 'nothing that came was the answer');
  own?.();
  assert.is((await asking).state, 'done');
  assert.not.match(JSON.stringify(getIncident(small.hub.store, context.incident)?.probes), /planted/);
});

test('an agent that says nothing is silent, which is kept too; one that is not there is not asked', async (context) => {
  const { small } = context;
  const answer = await ask(context, 'memory', '', new Probes(50));
  assert.equal([answer.state, answer.code, answer.lines], ['silent', 'E_PROBE_SILENT', []]);
  assert.is(getIncident(small.hub.store, context.incident)?.probes?.length, 1);
  await small.hub.store.write(
    () => void small.hub.store.presence.put('web-1', { state: 'dead', boot: samples.BOOT, last_seen: 1 }),
  );
  assert.is(await codeOf(ask(context, 'memory')), 'E_PROBE_OFFLINE');
});

test('only what the catalogue and the inventory name is asked', async (context) => {
  const rows: readonly (readonly [string, string, string])[] = [
    ['E_PROBE_UNKNOWN', 'read_file', '/etc/shadow'],
    ['E_PROBE_UNKNOWN', '__proto__', ''],
    ['E_PROBE_NAME', 'memory', 'now'],
    ['E_PROBE_NAME', 'unit_log', ''],
    ['E_PROBE_NAME', 'unit_log', 'other.service'],
    ['E_PROBE_NAME', 'dns_lookup', 'elsewhere.example'],
    ['E_PROBE_NAME', 'largest_folders', '/etc'],
    ['E_PROBE_NAME', 'open_files', '1'],
  ];
  for (const [code, probe, param] of rows)
    assert.is(await codeOf(ask(context, probe, param)), code, `${probe} ${param}`);
  const { small } = context;
  const unknown = { incident: samples.ULID_A, probe: 'memory', param: '', by: 'ann' };
  assert.is(await codeOf(small.hub.probes.ask(small.hub, small.driver, unknown)), 'E_ACT_UNKNOWN');
  assert.is(getIncident(small.hub.store, context.incident)?.probes, undefined, 'a refused question leaves no trace');
});

test('one host is not flooded, and an incident keeps so many answers and no more', async (context) => {
  const { small } = context;
  const held: (() => void)[] = [];
  let holding = true;
  await listen(context, web, (said) => {
    const answer = () => small.hub.probes.hear(small.hub, 'web-1', seal('probe_result', encodeCbor(said), web.key));
    if (!holding) return [[web, said]];
    held.push(answer);
    return [];
  });
  const asking = [ask(context, 'memory'), ask(context, 'memory'), ask(context, 'memory')];
  for (let i = 0; i < 3; i++) assert.is(await codeOf(ask(context, 'memory')), 'E_PROBE_BUSY');
  await until('three are asked', () => held.length === 3);
  holding = false;
  for (const answer of held) answer();
  for (const { state } of await Promise.all(asking)) assert.is(state, 'done');
  for (let i = 0; i < 13; i++) await ask(context, 'memory');
  assert.is(await codeOf(ask(context, 'memory')), 'E_PROBE_MANY');
});

test('a model asks as an operator does, under a name that no operator has; what can’t be asked is an answer too', async (context) => {
  const { small, incident } = context;
  await listen(context, web, (said) => [[web, { ...said, lines: [{ text: 'load is high', trusted: false }] }]]);
  const asks = askHost(small.hub, small.driver);
  const said = await asks(incident, { probe: 'memory', about: '', param: '' }, 'qwen');
  assert.equal(said, { state: 'done', lines: [{ text: 'load is high', trusted: false }] });
  assert.equal(
    getIncident(small.hub.store, incident)?.probes?.map(({ by, probe }) => [by, probe]),
    [['model:qwen', 'memory']],
  );
  const elsewhere = await asks(incident, { probe: 'unit_log', about: 'E1', param: 'not-there.service' }, 'qwen');
  assert.equal(elsewhere, { state: 'E_PROBE_NAME', lines: [] });
  assert.equal(await asks('01KB0000000000000000000000', { probe: 'memory', about: '', param: '' }, 'qwen'), {
    state: 'E_ACT_UNKNOWN',
    lines: [],
  });
});

test.run();
