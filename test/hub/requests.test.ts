import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCbor, encodeCbor } from '../../broker/cbor.ts';
import { REQUESTS, type Request } from '../../broker/requests.ts';
import { NAMESPACES, sshSign } from '../../broker/sshsig.ts';
import { getIncident } from '../../hub/store/incidents.ts';
import { RequestServer } from '../../hub/tools/request-server.ts';
import { testAgent } from '../broker/site.ts';
import { approvalFor, keys, openSmallHub, proposeTo, type SmallHub } from './small-hub.ts';

type Answer = Readonly<Record<string, unknown>>;

interface Context {
  small: SmallHub;
  server: RequestServer;
  said: { topic: string; payload: Uint8Array }[];
  /** What a client gets that asks this of this verb, as JSON. */
  ask: (verb: string, fields?: object, client?: string) => Promise<Answer>;
}

const test = suite<Context>('requests');
test.before.each(async (context) => {
  const small = await openSmallHub([testAgent('web-1')]);
  const said: Context['said'] = [];
  const mesh = {
    ...small.hub.mesh,
    publish: async (topic: string, payload: Uint8Array) => void said.push({ topic, payload }),
  };
  const { tools } = small.hub;
  const put = (name: string, evidence: boolean) =>
    tools.put({ name, secret_sha256: '0'.repeat(64), evidence, sys: false, since: 1, by: 'ann' });
  await put('dash', false);
  await put('post', true);
  Object.assign(context, { small, said, server: new RequestServer({ ...small.hub, mesh }, small.driver, tools) });
  let tx = 0;
  context.ask = async (verb, fields = {}, client = 'dash') => {
    said.length = 0;
    const payload = Buffer.from(JSON.stringify({ tx: ++tx, ...fields }));
    await context.server.receive({ client, verb, payload });
    const answer = JSON.parse(Buffer.from(said[0]?.payload ?? '{}').toString()) as Answer;
    assert.is(answer['tx'], tx);
    return answer;
  };
});
test.after.each(({ small }) => small.close());

const resultOf = (answer: Answer): Answer => {
  assert.is(answer['status'], 'ok', JSON.stringify(answer));
  return answer['result'] as Answer;
};

test('the answer goes to who asked, in the form in which it was asked, with the same tx', async ({ server, said }) => {
  await server.receive({ client: 'dash', verb: 'health', payload: encodeCbor({ tx: 'a-1', client: 'post' }) });
  await server.receive({ client: 'dash', verb: 'health', payload: Buffer.from('{"tx":7}') });
  const [first, second] = said;
  assert.is(first?.topic, 'hub/res/dash/health');
  const answer = decodeCbor(first?.payload ?? new Uint8Array()) as Answer;
  assert.is(answer['tx'], 'a-1');
  assert.is(resultOf(answer)['site'], 'local');
  assert.is(JSON.parse(Buffer.from(second?.payload ?? []).toString()).tx, 7);
});

test('an incident’s evidence and plan are for a tool that was granted them', async ({ small, ask }) => {
  const incident = await proposeTo(small.hub);
  const plain = resultOf(await ask('incident-show', { incident: incident.id }));
  assert.is(plain['state'], 'proposed');
  for (const part of ['plan', 'evidence', 'results', 'diagnoses', 'timeline']) assert.not.ok(part in plain, part);
  const whole = resultOf(await ask('incident-show', { incident: incident.id }, 'post'));
  assert.is((whole['plan'] as Answer)['hash'], incident.plan_hash);
  const part = resultOf(await ask('incident-show', { incident: incident.id, parts: ['timeline'] }, 'post'));
  assert.ok('timeline' in part && !('plan' in part));
  const listed = resultOf(await ask('incident-list', { open: true })) as unknown as Answer[];
  assert.equal(
    listed.map(({ id }) => id),
    [incident.id],
  );
  assert.is((await ask('incident-show', { incident: '0'.repeat(26) }))['code'], 'E_ACT_UNKNOWN');
});

test('a command is judged, and nothing runs', async ({ ask }) => {
  assert.is(resultOf(await ask('policy-check', { command: 'df -h' }))['verdict'], 'allow');
  assert.is(resultOf(await ask('policy-check', { command: 'rm -rf /' }))['verdict'], 'block');
  assert.is((await ask('policy-check', { command: 'df -h', host: 'nobody' }))['code'], 'E_ACT_UNKNOWN');
});

test('an approval that an operator signed counts from afar as it does on the local socket', async ({ small, ask }) => {
  const incident = await proposeTo(small.hub);
  const signedBy = (key = keys.ann, change = {}) => {
    const { payload, signature } = approvalFor(small.hub, incident, change, key);
    const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
    return { incident: incident.id, payload: base64(payload), signature: base64(signature) };
  };
  assert.is((await ask('incident-approve', signedBy(keys.eve)))['code'], 'E_SIGNATURE');
  assert.is(
    (await ask('incident-approve', signedBy(keys.ann, { plan_hash: '0'.repeat(64) })))['code'],
    'E_ACT_PLAN_CHANGED',
  );
  assert.is((await ask('incident-approve', { incident: incident.id }))['code'], 'E_MESSAGE_SHAPE');
  assert.is(getIncident(small.hub.store, incident.id)?.state, 'proposed');
  const good = signedBy();
  resultOf(await ask('incident-approve', good));
  assert.is.not(getIncident(small.hub.store, incident.id)?.state, 'proposed');
  assert.is(getIncident(small.hub.store, incident.id)?.approval?.by, 'ann');
  assert.is((await ask('incident-approve', good))['code'], 'E_ACT_STATE', 'once');
});

test('a rejection counts when an operator signed it over this incident as it is now', async ({ small, ask }) => {
  const incident = await proposeTo(small.hub);
  const signed = (
    change: object = {},
    key = keys.ann,
    namespace: (typeof NAMESPACES)['rejection' | 'approval'] = NAMESPACES.rejection,
  ) => {
    const { id, updated } = incident;
    const said = {
      site: 'local',
      incident: id,
      updated,
      by: 'ann',
      note: 'no',
      not_after: Date.now() + 60_000,
      ...change,
    };
    const payload = encodeCbor(said);
    const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
    return { incident: id, payload: base64(payload), signature: base64(sshSign(payload, namespace, key)) };
  };
  const kept = { name: 'cid', key: keys.hub.public, role: 'approver' as const, scopes: ['host:db-1'] };
  const { roster } = small.hub;
  Object.assign(roster, { operators: [...roster.operators, kept] });
  for (const [request, code] of [
    [signed({ by: 'cid' }, keys.hub), 'E_ACT_SCOPE'],
    [signed({}, keys.eve), 'E_SIGNATURE'],
    [signed({}, keys.ann, NAMESPACES.approval), 'E_SIGNATURE'],
    [signed({ by: 'vic' }, keys.vic), 'E_ACT_ROLE'],
    [signed({ by: 'nobody' }), 'E_ACT_ROLE'],
    [signed({ site: 'other' }), 'E_ACT_MISMATCH'],
    [signed({ incident: '0'.repeat(26) }), 'E_ACT_MISMATCH'],
    [signed({ not_after: Date.now() - 1 }), 'E_ACT_MISMATCH'],
    [signed({ not_after: Date.now() + 86_400_000 }), 'E_ACT_MISMATCH'],
    [signed({ updated: incident.updated - 1 }), 'E_ACT_PLAN_CHANGED'],
  ] as const) {
    assert.is((await ask('incident-reject', request, 'post'))['code'], code);
  }
  assert.is(getIncident(small.hub.store, incident.id)?.state, 'proposed');
  resultOf(await ask('incident-reject', signed()));
  const rejected = getIncident(small.hub.store, incident.id);
  assert.equal([rejected?.state, rejected?.owner], ['rejected', 'ann']);
});

test('who asks too often is told so, and others are not slowed down', async ({ server, said, ask }) => {
  const many = REQUESTS.burst + 10;
  for (let tx = 1; tx <= many; tx++) {
    await server.receive({ client: 'post', verb: 'health', payload: Buffer.from(`{"tx":${tx}}`) });
  }
  const codes = said.map(({ payload }) => JSON.parse(Buffer.from(payload).toString()).code);
  assert.is(codes.length, many);
  assert.ok(codes.filter((code) => code === 'E_REQUEST_RATE').length > 0);
  assert.ok(codes.filter((code) => code === undefined).length >= REQUESTS.burst);
  resultOf(await ask('health'));
});

test('nobody but a tool of this site is answered', async ({ server, said }) => {
  await server.receive({ client: 'stranger', verb: 'health', payload: Buffer.from('{"tx":1}') });
  assert.is(said.length, 0);
});

test('whatever bytes a request is, it is answered with a code, and the next one well', async ({ small, ask }) => {
  const { hub, driver } = small;
  const answers: Answer[] = [];
  const mesh = {
    ...hub.mesh,
    publish: async (_topic: string, payload: Uint8Array) =>
      void answers.push(
        (payload[0] === 0x7b ? JSON.parse(Buffer.from(payload).toString()) : decodeCbor(payload)) as Answer,
      ),
  };
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string({ maxLength: 100 }).map((text) => new Uint8Array(Buffer.from(`{${text}`))),
    fc
      .jsonValue()
      .map((value) => new Uint8Array(Buffer.from(JSON.stringify({ tx: 1, incident: value, command: value })))),
    fc.constant(new Uint8Array(REQUESTS.bytes + 1)),
    fc.constant(new Uint8Array(Buffer.from('['.repeat(30_000)))),
    fc.constant(new Uint8Array(Buffer.from(`{"tx":${'['.repeat(30_000)}`))),
  );
  const verbs = fc.constantFrom(
    'health',
    'incident-show',
    'incident-approve',
    'policy-check',
    '__proto__',
    'constructor',
  );
  await fc.assert(
    fc.asyncProperty(bytes, verbs, async (payload, verb) => {
      // A server of its own for each: the budget is not what is looked at here.
      const request: Request = { client: 'dash', verb, payload };
      answers.length = 0;
      await new RequestServer({ ...hub, mesh }, driver, hub.tools).receive(request);
      assert.is(answers.length, 1);
      const { status, code } = answers[0] ?? {};
      assert.ok(status === 'ok' || /^E_[A-Z_]+$/.test(String(code)), JSON.stringify(answers[0]));
      assert.is.not(code, 'E_INTERNAL', JSON.stringify({ verb, payload: Buffer.from(payload).toString() }));
    }),
    { numRuns: 300 },
  );
  resultOf(await ask('health'));
});

test.run();
