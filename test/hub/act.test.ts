import { randomBytes } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeCbor } from '../../broker/cbor.ts';
import { Framed } from '../../broker/framed.ts';
import type { KeyPair } from '../../broker/keys.ts';
import { seal } from '../../broker/signed.ts';
import { NAMESPACES, sshSign } from '../../broker/sshsig.ts';
import { challengeBytes, response } from '../../hub/acts/protocol.ts';
import { serveActs } from '../../hub/acts/server.ts';
import { socketAddress } from '../../hub/acts/socket-address.ts';
import { readAudit } from '../../hub/chain/audit.ts';
import { allSilences } from '../../hub/correlate/silences.ts';
import type { Incident } from '../../hub/incident.ts';
import { getIncident } from '../../hub/store/incidents.ts';
import * as samples from '../broker/samples.ts';
import { testAgent, until } from '../broker/site.ts';
import { approvalFor, keys, openSmallHub, proposeTo, type SmallHub } from './small-hub.ts';

const web = testAgent('web-1');
const test = suite<{ small: SmallHub; path: string; stop: () => Promise<void> }>('act socket');
test.before.each(async (context) => {
  context.small = await openSmallHub([web]);
  context.path = join(context.small.folder, 'act.sock');
  context.stop = await serveActs(context.small.hub, context.small.driver, context.path);
});
test.after.each(async ({ small, stop }) => {
  await stop();
  await small.close();
});

type Answer = Readonly<Record<string, unknown>>;

/** A client that says what a test wants it to say. */
class Client {
  readonly socket: Socket;
  private readonly link: Framed;
  private readonly heard: Answer[] = [];
  closed = false;

  constructor(path: string) {
    const address = socketAddress(path);
    this.socket = connect(address.path);
    this.link = new Framed(this.socket);
    this.link.on('message', (value) => this.heard.push(value as Answer));
    this.link.on('close', () => {
      this.closed = true;
      address.release();
    });
  }

  async next(): Promise<Answer> {
    await until('an answer', () => this.heard.length > 0 || this.closed);
    return this.heard.shift() ?? { ok: 'closed' };
  }

  send(value: unknown): void {
    this.link.send(value);
  }

  async enter(operator: string, key: KeyPair, site = 'local'): Promise<Answer> {
    const { challenge } = await this.next();
    const signature = sshSign(challengeBytes(site, challenge as Uint8Array), NAMESPACES.session, key);
    this.send({ operator, signature });
    return this.next();
  }

  async ask(value: object): Promise<Answer> {
    this.send({ tx: 7, ...value });
    return this.next();
  }

  close(): void {
    this.socket.destroy();
  }
}

const approve = (incident: Incident, signed: object) => ({ verb: 'approve', incident: incident.id, ...signed });

test('an operator enters with their key, approves what they signed, and the hub has it', async ({ small, path }) => {
  const incident = await proposeTo(small.hub);
  const client = new Client(path);
  assert.equal(plain(await client.enter('ann', keys.ann)), { ok: 'yes', role: 'admin' });
  const answer = await client.ask(approve(incident, approvalFor(small.hub, incident)));
  assert.equal(plain(answer), { tx: 7, ok: 'yes' });
  assert.is(getIncident(small.hub.store, incident.id)?.approval?.by, 'ann');
  client.close();
});

const plain = (value: object): object => ({ ...value });

test('silences, acknowledgements and cancellations go over the same socket, and a viewer has none of them', async ({
  small,
  path,
}) => {
  const { store, now } = small.hub;
  const incident = await proposeTo(small.hub);
  const silence = { verb: 'silence', match: 'host=web-*', until: now() + 60_000, note: 'new disks' };
  const acts = [silence, { verb: 'ack', incident: incident.id }, { verb: 'cancel', incident: incident.id }];
  const viewer = new Client(path);
  await viewer.enter('vic', keys.vic);
  for (const act of acts) assert.is((await viewer.ask(act))['code'], 'E_ACT_ROLE');
  viewer.close();

  const client = new Client(path);
  await client.enter('ann', keys.ann);
  for (const act of acts) assert.equal(plain(await client.ask(act)), { tx: 7, ok: 'yes' }, act.verb);
  const [kept] = allSilences(store);
  assert.is(kept?.by, 'ann');
  assert.is(getIncident(store, incident.id)?.state, 'cancelled');
  assert.is(getIncident(store, incident.id)?.acknowledged?.by, 'ann');
  assert.is((await client.ask({ verb: 'unsilence', silence: kept?.id }))['ok'], 'yes');
  for (const [wrong, code] of [
    [{ verb: 'unsilence', silence: kept?.id }, 'E_ACT_SILENCE'],
    [{ verb: 'ack' }, 'E_ACT_MISMATCH'],
    [{ ...silence, incident: incident.id }, 'E_ACT_MISMATCH'],
    [{ ...silence, match: 'colour=red' }, 'E_MATCH'],
    [{ verb: 'ack', incident: incident.id }, 'E_ACT_STATE'],
  ] as const) {
    assert.is((await client.ask(wrong))['code'], code, JSON.stringify(wrong));
  }
  client.close();
});

test('the socket is its owner’s and its group’s', ({ path }) => {
  assert.is(statSync(path).mode & 0o777, 0o660);
});

test('nobody enters with a wrong key, another’s name, for another site or with an old challenge', async ({ path }) => {
  const attempts: readonly (readonly [string, KeyPair, string])[] = [
    ['ann', keys.eve, 'local'],
    ['ann', keys.vic, 'local'],
    ['eve', keys.eve, 'local'],
    ['ann', keys.ann, 'elsewhere'],
    ['', keys.ann, 'local'],
  ];
  for (const [name, key, site] of attempts) {
    const client = new Client(path);
    assert.is((await client.enter(name, key, site))['ok'], 'no', `${name} ${site}`);
    await until('it is cut off', () => client.closed);
  }
  const client = new Client(path);
  await client.next();
  const signature = sshSign(challengeBytes('local', new Uint8Array(randomBytes(32))), NAMESPACES.session, keys.ann);
  client.send({ operator: 'ann', signature });
  assert.is((await client.next())['ok'], 'no');
});

test('an act before entering is not heard', async ({ small, path }) => {
  const incident = await proposeTo(small.hub);
  const client = new Client(path);
  await client.next();
  assert.is((await client.ask({ verb: 'reject', incident: incident.id }))['ok'], 'no');
  assert.is(getIncident(small.hub.store, incident.id)?.state, 'proposed');
});

test('a viewer looks, and does not act, nor with another’s approval', async ({ small, path }) => {
  const incident = await proposeTo(small.hub);
  const client = new Client(path);
  assert.is((await client.enter('vic', keys.vic))['role'], 'viewer');
  for (const act of [{ verb: 'reject', incident: incident.id }, approve(incident, approvalFor(small.hub, incident))]) {
    const answer = await client.ask(act);
    assert.equal([answer['ok'], answer['code']], ['no', 'E_ACT_ROLE']);
  }
  assert.is(getIncident(small.hub.store, incident.id)?.state, 'proposed');
  client.close();
});

test('who is kept to some hosts acts on those alone, and on nothing that concerns every host', async ({
  small,
  path,
}) => {
  const { hub } = small;
  const kept = { name: 'cid', key: keys.eve.public, role: 'admin' as const, scopes: ['host:db-1', 'tag:web'] };
  Object.assign(hub, { roster: { ...hub.roster, operators: [...hub.roster.operators, kept] } });
  const tagged = (...tags: string[]) =>
    hub.store.write(
      () =>
        void hub.store.births.put('web-1', { ...samples.birth, agent: 'web-1', host: { ...samples.birth.host, tags } }),
    );
  await tagged('database');
  const incident = await proposeTo(hub);
  const client = new Client(path);
  await client.enter('cid', keys.eve);
  const signed = () => approvalFor(hub, incident, { by: 'cid' }, keys.eve);
  const onHost = [
    { verb: 'reject', incident: incident.id },
    { verb: 'ack', incident: incident.id },
    { verb: 'cancel', incident: incident.id },
    { verb: 'probe', incident: incident.id, probe: 'memory' },
    approve(incident, signed()),
  ];
  const onSite = [
    { verb: 'silence', match: 'host=db-1', until: hub.now() + 60_000, note: '' },
    { verb: 'unsilence', silence: incident.id },
    { verb: 'roster', payload: new Uint8Array(8) },
    { verb: 'lift', payload: new Uint8Array(8), signature: new Uint8Array(8) },
    { verb: 'enroll', agent: 'db-1' },
    { verb: 'revoke', agent: 'db-1' },
    { verb: 'tool', name: 'wall', secret_sha256: 'ab'.repeat(32) },
  ];
  for (const act of [...onHost, ...onSite]) assert.is((await client.ask(act))['code'], 'E_ACT_SCOPE', act.verb);
  // Whoever brings it: what they signed is for a host that is not theirs.
  const ann = new Client(path);
  await ann.enter('ann', keys.ann);
  assert.is((await ann.ask(approve(incident, signed())))['code'], 'E_APPROVAL_SCOPE');
  assert.is(getIncident(hub.store, incident.id)?.state, 'proposed');
  await tagged('web');
  assert.is((await client.ask(approve(incident, signed())))['ok'], 'yes');
  assert.is(getIncident(hub.store, incident.id)?.approval?.by, 'cid');
  for (const one of [client, ann]) one.close();
});

test('an approval of anything but the present plan is refused with its code', async ({ small, path }) => {
  const { hub } = small;
  const incident = await proposeTo(hub);
  const other = await proposeTo(hub, { root_cause: 'another plan' });
  const lapsed = await proposeTo(hub, { expires: hub.now() - 1 });
  const { programs } = { programs: [{ phase: 'step', number: 2, hash: 'ab'.repeat(32) }] };
  const rows: readonly (readonly [string, object])[] = [
    ['E_ACT_PLAN_CHANGED', approve(incident, approvalFor(hub, incident, { plan_hash: 'cd'.repeat(32) }))],
    ['E_ACT_PLAN_CHANGED', approve(incident, approvalFor(hub, other))],
    ['E_ACT_MISMATCH', approve(incident, approvalFor(hub, incident, { host: 'db-1' }))],
    ['E_ACT_MISMATCH', approve(incident, approvalFor(hub, incident, { programs }))],
    ['E_ACT_MISMATCH', approve(incident, approvalFor(hub, incident, { programs: [] }))],
    ['E_ACT_MISMATCH', approve(incident, approvalFor(hub, incident, { not_after: hub.now() + 86_400_000 }))],
    ['E_ACT_MISMATCH', approve(incident, {})],
    ['E_APPROVAL_EXPIRED', approve(incident, approvalFor(hub, incident, { not_after: hub.now() - 1 }))],
    ['E_APPROVAL_SITE', approve(incident, approvalFor(hub, incident, { site: 'elsewhere' }))],
    ['E_APPROVAL_OPERATOR', approve(incident, approvalFor(hub, incident, { by: 'eve' }, keys.eve))],
    ['E_SIGNATURE', approve(incident, approvalFor(hub, incident, {}, keys.eve))],
    ['E_ACT_STATE', approve(lapsed, approvalFor(hub, lapsed))],
    ['E_ACT_UNKNOWN', { verb: 'reject', incident: '01J9ZZZZZZZZZZZZZZZZZZZZZA' }],
    ['E_MESSAGE_SHAPE', { verb: 'delete', incident: incident.id }],
    ['E_MESSAGE_SHAPE', { verb: 'reject', incident: '../../etc' }],
    ['E_MESSAGE_SHAPE', { verb: 'reject', incident: incident.id, note: 'x'.repeat(501) }],
  ];
  const client = new Client(path);
  await client.enter('ann', keys.ann);
  for (const [code, act] of rows) {
    const answer = await client.ask(act);
    assert.equal([answer['ok'], answer['code']], ['no', code], String(answer['message']));
  }
  assert.is(getIncident(hub.store, incident.id)?.state, 'proposed');
  assert.is((await client.ask(approve(incident, approvalFor(hub, incident))))['ok'], 'yes');
  const again = await client.ask(approve(incident, approvalFor(hub, incident)));
  assert.is(again['code'], 'E_ACT_STATE');
  client.close();
});

test('two operators at once: one approval counts, the other is told', async ({ small, path }) => {
  const incident = await proposeTo(small.hub);
  const clients = [new Client(path), new Client(path), new Client(path)];
  for (const client of clients) await client.enter('ann', keys.ann);
  const answers = await Promise.all(
    clients.map((client) => client.ask(approve(incident, approvalFor(small.hub, incident)))),
  );
  assert.equal(answers.map(({ ok }) => ok).sort(), ['no', 'no', 'yes']);
  for (const client of clients) client.close();
});

test('a question about a host goes through the socket and its answer comes back; a viewer may not ask', async ({
  small,
  path,
}) => {
  const { hub } = small;
  const incident = await proposeTo(hub);
  await hub.store.write(() => {
    void hub.store.births.put('web-1', { ...samples.birth, agent: 'web-1' });
    void hub.store.presence.put('web-1', { state: 'online', boot: samples.BOOT, last_seen: hub.now() });
  });
  const viewer = new Client(path);
  await viewer.enter('vic', keys.vic);
  const question = { verb: 'probe', incident: incident.id, probe: 'memory' };
  assert.is((await viewer.ask(question))['code'], 'E_ACT_ROLE');
  const client = new Client(path);
  await client.enter('ann', keys.ann);
  assert.is((await client.ask({ ...question, probe: 'read_file' }))['code'], 'E_PROBE_UNKNOWN');
  const asking = client.ask(question);
  const asked = () =>
    [...hub.store.audit.getRange({})].map(({ value }) => readAudit(value)).find(({ kind }) => kind === 'probe.asked');
  await until('it is asked', () => asked() !== undefined);
  const id = String(asked()?.data['id']);
  const lines = [{ text: 'MemTotal: 1 kB', trusted: true }];
  const said = { agent: 'web-1', boot: samples.BOOT, id, probe: 'memory', state: 'done', lines, truncated: false };
  const payload = seal('probe_result', encodeCbor({ ...said, started: 1, ended: 2 }), web.key);
  // The record of the question is on the disk before the question is on the wire.
  await until('it is answered', () => {
    hub.probes.hear(hub, 'web-1', payload);
    return getIncident(hub.store, incident.id)?.probes !== undefined;
  });
  const answer = response(await asking, '');
  assert.equal([answer.ok, answer.probe?.state, answer.probe?.lines], ['yes', 'done', lines]);
  for (const one of [viewer, client]) one.close();
});

test('garbage, a huge length and a client that says nothing disturb nobody', async ({ small, path }) => {
  const silent = new Client(path);
  await silent.next();
  for (const bytes of [randomBytes(64), Buffer.from([0xff, 0xff, 0xff, 0xff]), Buffer.from([0, 0, 0, 1, 0xff])]) {
    const client = new Client(path);
    await client.next();
    client.socket.write(bytes);
    if (bytes.length === 64) client.socket.end();
    await until('it is cut off', () => client.closed);
  }
  const slow = new Client(path);
  await slow.next();
  slow.socket.write(Buffer.from([0, 0]));
  const incident = await proposeTo(small.hub);
  const good = new Client(path);
  await good.enter('ann', keys.ann);
  const answer = await good.ask({ verb: 'reject', incident: incident.id, note: 'no need' });
  assert.is(answer['ok'], 'yes');
  assert.is(getIncident(small.hub.store, incident.id)?.state, 'rejected');
  for (const client of [silent, slow, good]) client.close();
});

test('an approval says by itself who it is by, and nothing else does: not a forged one, nor another act', async ({
  small,
  path,
}) => {
  const { hub } = small;
  const incident = await proposeTo(hub);
  const { payload, signature } = approvalFor(hub, incident);
  const first = async (value: object): Promise<Answer> => {
    const client = new Client(path);
    await client.next();
    client.send({ tx: 1, ...value });
    const said = await client.next();
    await until('it is cut off', () => client.closed);
    return said;
  };
  const about = { incident: incident.id };
  const forged = approvalFor(hub, incident, {}, keys.eve);
  for (const [value, why] of [
    [{ verb: 'approve', ...about, payload, signature: forged.signature }, 'E_SIGNATURE'],
    [{ verb: 'approve', ...about, payload: new Uint8Array(0), signature }, 'E_CBOR'],
    [{ verb: 'approve', ...about }, 'E_ACT_MISMATCH'],
    [{ verb: 'second', ...about, payload, signature }, 'E_ACT_PLAN_CHANGED'],
    [{ verb: 'approve', incident: '0'.repeat(26), payload, signature }, 'E_ACT_UNKNOWN'],
    [{ verb: 'reject', ...about, note: 'no' }, 'E_MESSAGE_SHAPE'],
    [{ verb: 'halt', note: 'no' }, 'E_MESSAGE_SHAPE'],
  ] as const)
    assert.equal(
      [(await first(value))['ok'], (await first(value))['code']],
      ['no', why],
      JSON.stringify(value['verb']),
    );
  assert.is(getIncident(hub.store, incident.id)?.state, 'proposed');
  assert.is((await first({ verb: 'approve', ...about, payload, signature }))['ok'], 'yes');
  assert.is(getIncident(hub.store, incident.id)?.approval?.by, 'ann');
});

test('strangers who say nothing take no place from who enters', async ({ path }) => {
  const silent = Array.from({ length: 70 }, () => new Client(path));
  await Promise.all(silent.map((one) => one.next()));
  await until('the first are cut off', () => silent.filter(({ closed }) => closed).length >= 6);
  const good = new Client(path);
  assert.is((await good.enter('ann', keys.ann))['ok'], 'yes');
  for (const one of [...silent, good]) one.close();
});

test('a socket deeper than the kernel’s names reach works like any other', async ({ small }) => {
  const folder = join(small.folder, 'd'.repeat(100), 'e'.repeat(100));
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'act.sock');
  const stop = await serveActs(small.hub, small.driver, path);
  const client = new Client(path);
  assert.is((await client.enter('ann', keys.ann))['ok'], 'yes');
  client.close();
  await stop();
});

test.run();
