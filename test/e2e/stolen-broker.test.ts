import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Agent } from '../../agent/agent.ts';
import { signApproval } from '../../broker/approvals.ts';
import { decodeCbor, encodeCbor } from '../../broker/cbor.ts';
import { keyFile, makeLocalSite, readRoster, readSite } from '../../broker/enroll.ts';
import { sealHalt } from '../../broker/halts.ts';
import { newKeyPair, readKeyPair } from '../../broker/keys.ts';
import { lineLog } from '../../broker/log.ts';
import type { Ack, Approval, Order } from '../../broker/messages.ts';
import { sealRoster } from '../../broker/roster.ts';
import { peek, seal } from '../../broker/signed.ts';
import { prepareFolder, type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { ulid } from '../../broker/ulid.ts';
import { getIncident, listIncidents } from '../../hub/store/incidents.ts';
import { loadPolicy } from '../../policy/policy.ts';
import { programHash } from '../../policy/program.ts';
import * as samples from '../broker/samples.ts';
import { openBroker, type TestBroker, tempFolder, testAgent, until } from '../broker/site.ts';
import { openSmallHub } from '../hub/small-hub.ts';

/**
 * Whoever has the broker may read, keep, repeat, reorder and make up whatever goes over it, and has none of the keys. Here
 * the broker is the test's: it says whatever it likes to a real agent, and to a real hub.
 */
const test = suite('a stolen broker');

const HASH = 'ab'.repeat(32);
const mallory = newKeyPair();

/** What the agent has durably begun. */
const journal = (state: StateFolder): string => (existsSync(state.journal) ? readFileSync(state.journal, 'utf8') : '');

test('it can’t make an agent act, nor delete what the agent keeps for the hub', async () => {
  const { path, done } = tempFolder();
  const state = stateFolder(join(path, 'state'));
  prepareFolder(state);
  makeLocalSite(state, 'web-1');
  const site = readSite(state);
  const { message: rosterMessage, roster } = readRoster(state, site);
  const hub = readKeyPair(keyFile.hub(state));
  const ann = readKeyPair(keyFile.operator(state, site.localOperator));
  const spool = join(path, 'spool');
  mkdirSync(spool);
  mkdirSync(state.watch, { recursive: true });
  writeFileSync(join(state.watch, 's.yaml'), `version: 1\nfolders:\n  - { name: s, path: ${spool}, quota_mib: 1 }\n`);
  writeFileSync(join(spool, 'full.tmp'), Buffer.alloc(2 << 20, 1));

  let broker: TestBroker = await openBroker([], { agents: site.agents });
  const { port } = broker.mesh;
  const say = (channel: string, payload: Uint8Array) => broker.mesh.publish(`s/1/web-1/${channel}`, payload);
  const tell = (channel: string, payload: Uint8Array) =>
    broker.mesh.publish(`s/1/hub/${channel}`, payload, { retain: true });
  /** Everybody is thrown out, and the next broker on the port knows nothing: what the agent keeps, it brings again. */
  const anew = async () => {
    await broker.close();
    broker = await openBroker([], { agents: site.agents, port });
    await tell('site', rosterMessage);
  };
  const events = () => broker.heard.filter(({ channel }) => channel === 'e').map(({ payload }) => decoded(payload));

  await tell('site', rosterMessage);
  const log: string[] = [];
  const agent = new Agent({
    state,
    agent: 'web-1',
    url: `mqtt://127.0.0.1:${port}`,
    live: true,
    interval: 200,
    log: lineLog('agent', (line) => log.push(line)),
  });
  try {
    agent.start();
    await until('the event', () => events().length > 0);
    const [event] = events();
    assert.ok(event !== undefined);
    const { boot, seq } = event;

    const ack: Ack = {
      ...{ agent: 'web-1', boot, through: seq + 100, now: Date.now(), counter: 1, epoch: roster.epoch },
      audit_head: { count: 1, hash: HASH },
    };
    const program = (await loadPolicy()).check('uptime', null).program;
    const { hash: policy_hash } = await loadPolicy({ siteDir: state.policy });
    assert.ok(program !== null);
    const steps = [{ phase: 'step' as const, number: 1, program }];
    const approval = (change: Partial<Approval> = {}): Approval => ({
      ...{ id: ulid(), site: site.name, incident: ulid(), plan_hash: HASH, policy_hash, host: 'web-1', reviewed: [] },
      ...{ processes: [], by: site.localOperator, role: 'admin', not_after: Date.now() + 300_000 },
      programs: steps.map(({ phase, number }) => ({ phase, number, hash: programHash(program) })),
      ...change,
    });
    const order = (approved: Approval, by = ann, change: Partial<Order> = {}): Uint8Array => {
      const { payload, signature } = signApproval(approved, by);
      const whole: Order = {
        ...{ id: ulid(), site: site.name, epoch: roster.epoch, agent: 'web-1', boot, incident: approved.incident },
        ...{ approval: payload, approval_signature: signature, programs: steps, dry_run: false, timeout: 20 },
        audit_head: { count: 1, hash: HASH },
        ...change,
      };
      return encodeCbor(whole);
    };
    const good = seal('order', order(approval()), hub);
    const bent = Uint8Array.from(good);
    bent[bent.length - 100] = (bent[bent.length - 100] ?? 0) ^ 1;

    // What it may make up, and what it may have kept: of other agents, of earlier starts, of another kind.
    for (const made of [
      seal('ack', encodeCbor(ack), mallory),
      seal('ack', encodeCbor({ ...ack, agent: 'db-1' }), hub),
      seal('ack', encodeCbor({ ...ack, boot: '0'.repeat(16) }), hub),
      seal('order', encodeCbor(ack), hub),
      encodeCbor(ack),
      new Uint8Array([0xff]),
    ]) {
      await say('ack', made);
    }
    for (const made of [
      seal('order', order(approval()), mallory),
      bent,
      seal('order', order(approval(), ann, { agent: 'db-1' }), hub),
      seal('order', order(approval({ host: 'db-1' }), ann, { agent: 'db-1' }), hub),
      seal('order', order(approval(), ann, { boot: '0'.repeat(16) }), hub),
      seal('order', order(approval(), ann, { epoch: roster.epoch + 1 }), hub),
      // The hub's key without an operator's: a stolen hub runs nothing either.
      seal('order', order(approval(), mallory), hub),
      seal('ack', order(approval()), hub),
    ]) {
      await say('c', made);
    }
    await tell('site', sealRoster({ ...roster, version: 9, hub_key: mallory.public }, mallory));
    const halt = { site: site.name, epoch: roster.epoch, counter: 5, halted: true, at: 1, by: 'x', reason: '' };
    await tell('halt', sealHalt(halt, mallory));

    // The last two were heard behind all the others.
    await until('the refusals', () => (agent.refused.get('E_SIGNATURE') ?? 0) >= 5);

    // Nothing of it was believed: the event comes again to who has not stored it, and nothing was begun.
    await anew();
    await until('the event again', () => events().some((one) => one.seq === seq));
    assert.is(journal(state), '');

    // The same by those who may: the order is carried out once, however often it is repeated; the ack deletes.
    for (let repeat = 0; repeat < 3; repeat++) await say('c', good);
    await until('the end of its one step', () => journal(state).includes('ending'));
    assert.is(journal(state).match(/"begun"/g)?.length, 1, journal(state));
    await say('ack', seal('ack', encodeCbor({ ...ack, through: 1_000_000, counter: 2 }), hub));
    const trusted = () => JSON.parse(readFileSync(join(state.agent, 'trust.json'), 'utf8'));
    await until('the ack', () => trusted().counter === 2);
    await anew();
    await until('a birth', () => broker.heard.some(({ channel }) => channel === 'b'));
    await until('telemetry, which comes after what waited', () => broker.heard.some(({ channel }) => channel === 'm'));
    assert.not(
      events().some((one) => one.seq === seq),
      'what the hub has stored is not brought again',
    );
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.stack : String(error)}\n${log.join('\n')}`);
  } finally {
    await agent.close();
    await broker.close();
    done();
  }
});

test('it can’t make the hub believe a birth, an event or a result', async () => {
  const [web, db] = [testAgent('web-1'), testAgent('db-1')];
  const small = await openSmallHub([web, db]);
  const { hub, intake } = small;
  try {
    const as = (channel: 'b' | 'e' | 'r', payload: Uint8Array) => intake.receive({ agent: 'web-1', channel, payload });
    const event = { ...samples.event, agent: 'web-1', seq: 1 };
    const result = { ...samples.result, agent: 'web-1', seq: 2 };
    const genuine = seal('event', encodeCbor(event), web.key);
    const bent = Uint8Array.from(genuine);
    bent[60] = (bent[60] ?? 0) ^ 1;
    const other = seal('event', encodeCbor({ ...event, agent: 'db-1' }), db.key);
    for (const [channel, payload] of [
      ['b', seal('birth', encodeCbor({ ...samples.birth, agent: 'web-1', key: mallory.public }), mallory)],
      ['b', seal('birth', encodeCbor({ ...samples.birth, agent: 'db-1' }), db.key)],
      ['e', seal('event', encodeCbor(event), mallory)],
      ['e', bent],
      ['e', other],
      ['e', seal('result', encodeCbor(event), web.key)],
      ['r', seal('result', encodeCbor(result), mallory)],
      ['r', seal('result', encodeCbor({ ...result, agent: 'db-1' }), db.key)],
      ['r', genuine],
    ] as const) {
      await as(channel, payload);
    }
    assert.equal([...hub.store.births.getKeys()], []);
    assert.equal(listIncidents(hub.store, 10), []);
    assert.is(
      [...intake.dropped.values()].reduce((sum, n) => sum + n, 0),
      9,
    );

    // The genuine one opens an incident, and however often it is repeated, one.
    for (let repeat = 0; repeat < 3; repeat++) await as('e', genuine);
    const [incident, ...more] = listIncidents(hub.store, 10);
    assert.ok(incident !== undefined && more.length === 0);
    assert.is(getIncident(hub.store, incident.id)?.repeats, 0);
  } finally {
    await small.close();
  }
});

const decoded = (message: Uint8Array): { readonly boot: string; readonly seq: number } =>
  decodeCbor(peek(message)) as { boot: string; seq: number };

test.run();
