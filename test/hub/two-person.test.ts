import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openOrder } from '../../agent/open-order.ts';
import { Trust } from '../../agent/trust.ts';
import { decodeCbor } from '../../broker/cbor.ts';
import { keyFile, makeLocalSite } from '../../broker/enroll.ts';
import { newKeyPair, readKeyPair } from '../../broker/keys.ts';
import { order as orderShape, type Roster } from '../../broker/messages.ts';
import { sealRoster } from '../../broker/roster.ts';
import { peek } from '../../broker/signed.ts';
import { sshSign } from '../../broker/sshsig.ts';
import { prepareFolder, type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import type { Acting } from '../../hub/acts/client.ts';
import { askHub } from '../../hub/acts/client.ts';
import { signDecision } from '../../hub/acts/decide.ts';
import { serveActs } from '../../hub/acts/server.ts';
import { verifyApprovals } from '../../hub/chain/approvals.ts';
import { appendAudit, auditHead, readAudit } from '../../hub/chain/audit.ts';
import type { Hub } from '../../hub/hub.ts';
import { makeOrder } from '../../hub/orders.ts';
import { Driver } from '../../hub/pipeline.ts';
import { acceptApproval } from '../../hub/steps/approve.ts';
import { firstOf } from '../../hub/steps/first.ts';
import { getIncident } from '../../hub/store/incidents.ts';
import type { Effect } from '../../policy/verdict.ts';
import * as samples from '../broker/samples.ts';
import { tempFolder, testAgent, until } from '../broker/site.ts';
import { approvalFor, keys, openSmallHub, proposeTo } from './small-hub.ts';

/** A hub whose roster asks for two persons, its acting socket, and a state folder with the same roster beside it. */
interface Context {
  hub: Hub;
  driver: Driver;
  state: StateFolder;
  roster: Roster;
  clock: { now: number };
  close: () => Promise<void>;
}
const test = suite<Context>('two persons at the hub');
const bob = newKeyPair();

test.before.each(async (context) => {
  const { path, done } = tempFolder();
  const state = stateFolder(join(path, 'site'));
  prepareFolder(state);
  makeLocalSite(state, 'web-1');
  const clock = { now: Date.now() };
  const small = await openSmallHub([testAgent('web-1')], { now: () => clock.now });
  const roster: Roster = {
    ...small.hub.roster,
    version: 2,
    operators: [...small.hub.roster.operators, { name: 'bob', key: bob.public, role: 'approver', scopes: [] }],
    two_person: [{ where: '*', plans: 'all' }],
  };
  writeFileSync(state.roster, sealRoster(roster, readKeyPair(keyFile.siteRoot(state))));
  const hub: Hub = { ...small.hub, roster };
  const driver = new Driver(hub);
  await hub.store.write(() => void hub.store.births.put('web-1', samples.birth));
  const stop = await serveActs(hub, driver, state.actSocket);
  const close = async () => {
    await stop();
    await driver.stop();
    await small.close();
    done();
  };
  Object.assign(context, { hub, driver, state, roster, clock, close });
});
test.after.each(({ close }) => close());

const acting = (name: string, role: Acting['role'], pair = keys.ann): Acting => ({
  name,
  role,
  site: 'local',
  sign: async (message, namespace) => sshSign(message, namespace, pair),
});
const ANN = acting('ann', 'admin');
const BOB = acting('bob', 'approver', bob);

/** What an operator's client does, with the incident as it is in the store. */
async function agree({ hub, state, clock }: Context, id: string, operator: Acting, reviewed: readonly number[] = []) {
  const incident = getIncident(hub.store, id);
  if (incident === undefined) throw new Error(`no incident ${id}`);
  const { act, isFirst } = await signDecision({ state, store: hub.store }, incident, operator, reviewed, clock.now);
  const answer = await askHub(state, operator, act);
  return { verb: act.verb, isFirst, ok: answer.ok, code: answer.code, message: answer.message };
}
const code = async (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'not refused',
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );

test('the first approval waits for another person’s; the order carries both, and the agent finds them good', async (context) => {
  const { hub, roster, clock, state } = context;
  const { id } = await proposeTo(hub);
  const first = await agree(context, id, ANN);
  assert.equal([first.verb, first.isFirst, first.ok], ['approve', true, 'yes'], first.message);
  const waiting = getIncident(hub.store, id);
  assert.equal([waiting?.state, waiting?.approval, waiting?.owner], ['proposed', null, 'bob']);
  assert.match(waiting?.timeline.at(-1)?.note ?? '', /1 of 2/);
  const second = await agree(context, id, BOB);
  assert.equal([second.verb, second.isFirst, second.ok], ['second', false, 'yes'], second.message);
  const approved = getIncident(hub.store, id);
  assert.equal([approved?.approval?.by, approved?.approval?.second?.by, approved?.first], ['ann', 'bob', undefined]);
  if (approved === undefined) throw new Error('gone');
  const made = makeOrder(hub, approved, 'apply');
  if (made === null) throw new Error('no order');
  const trust = new Trust(join(state.root, 'hub'), readKeyPair(keyFile.siteRoot(state)).public);
  trust.learnRoster(sealRoster(roster, readKeyPair(keyFile.siteRoot(state))));
  const order = orderShape(decodeCbor(peek(made.bytes)), '');
  const self = { agent: 'web-1', boot: samples.birth.boot, tags: [] };
  assert.is(openOrder(order, self, trust, clock.now).approval.by, 'ann');
  const { second: _, second_signature: __, ...half } = order;
  assert.throws(() => openOrder(half, self, trust, clock.now), /two persons must agree/);
  assert.equal(verifyApprovals(hub.store, roster), { good: 2, first: null });
});

test('nobody is two: not by approving again, nor as the second of oneself; a race of two firsts is told', async (context) => {
  const { hub, driver } = context;
  const { id } = await proposeTo(hub);
  const before = getIncident(hub.store, id);
  if (before === undefined) throw new Error('gone');
  await agree(context, id, ANN);
  assert.equal((await agree(context, id, ANN)).isFirst, true, 'one’s own again takes the place of the one before');
  assert.is(getIncident(hub.store, id)?.state, 'proposed');
  // Bob's screen still showed it as nobody's: what he signed is a first approval.
  const late = approvalFor(hub, before, { by: 'bob', role: 'approver' }, bob);
  const refused = driver.change(id, () => acceptApproval(hub, getIncident(hub.store, id) ?? before, late));
  assert.match(await code(refused), /E_ACT_PLAN_CHANGED: ann has approved meanwhile/);
  const self = await code(
    agree(context, id, { ...BOB, sign: ANN.sign }).then(({ code: c }) => Promise.reject(new Error(c))),
  );
  assert.match(self, /E_SIGNATURE/, 'ann’s key is not bob');
  assert.is(getIncident(hub.store, id)?.state, 'proposed');
});

test('the second agrees to the same steps; other ones are refused before anything is signed', async (context) => {
  const { hub } = context;
  const { plan } = await proposeTo(hub);
  const [step] = plan?.steps ?? [];
  if (step === undefined) throw new Error('no step');
  const asks = { ...step, number: 2, verdict: { ...step.verdict, decision: 'review' as const } };
  const { id } = await proposeTo(hub, { steps: [step, asks], decision: 'review' });
  assert.is((await agree(context, id, ANN, [2])).ok, 'yes');
  assert.match(await code(agree(context, id, BOB)), /E_ACT_CONSENT: ann has approved step 1, 2/);
  assert.is((await agree(context, id, BOB, [2])).ok, 'yes');
  assert.equal(getIncident(hub.store, id)?.approval?.reviewed, [2]);
});

test('a first approval lapses, and the plan waits for two again; so it does when its signer leaves', async (context) => {
  const { hub, driver, roster, clock } = context;
  const { id } = await proposeTo(hub, { expires: clock.now + 40 * 60_000 });
  await agree(context, id, ANN);
  clock.now += 15 * 60_000;
  driver.wake(id);
  await until('it has lapsed', () => getIncident(hub.store, id)?.first === undefined);
  assert.match(getIncident(hub.store, id)?.timeline.at(-1)?.note ?? '', /by ann, 1 of 2, counts no more/);
  assert.is((await agree(context, id, BOB)).isFirst, true);
  const gone = { ...roster, operators: roster.operators.filter(({ name }) => name !== 'bob') };
  const after = new Driver({ ...hub, roster: gone });
  after.wake(id);
  await until('it has gone', () => getIncident(hub.store, id)?.first === undefined);
  assert.is(getIncident(hub.store, id)?.state, 'proposed');
  await after.stop();
  const kinds = [...hub.store.audit.getRange({})].map(({ value }) => readAudit(value).kind);
  assert.is(kinds.filter((kind) => kind === 'plan.first_lapsed').length, 2);
});

test('where nobody else may approve, the first is told so at once', async (context) => {
  const { hub, roster } = context;
  const { id } = await proposeTo(hub);
  const incident = getIncident(hub.store, id);
  if (incident === undefined) throw new Error('gone');
  const alone: Hub = {
    ...hub,
    roster: { ...roster, operators: roster.operators.filter(({ name }) => name !== 'bob') },
  };
  assert.match(await code(acceptApproval(alone, incident, approvalFor(hub, incident))), /E_ACT_STATE.*nobody but ann/);
});

test('nobody approves worse than their ceiling, undoing included, and the second is one who may', async (context) => {
  const { hub, roster } = context;
  const { plan } = await proposeTo(hub);
  const [step] = plan?.steps ?? [];
  if (step === undefined) throw new Error('no step');
  const as = (number: number, effect: Effect, phase: 'step' | 'rollback' = 'step') => ({
    ...{ ...step, number, phase },
    verdict: { ...step.verdict, effect, decision: effect === 'read' ? ('allow' as const) : ('review' as const) },
  });
  const kept = (name: string, ...scopes: string[]): Hub => {
    const operators = roster.operators.map((one) => (one.name === name ? { ...one, scopes } : one));
    return { ...hub, roster: { ...roster, operators } };
  };
  const approve = async (under: Hub, steps: object, reviewed: number[]) => {
    const incident = await proposeTo(hub, steps);
    return code(acceptApproval(under, incident, approvalFor(hub, incident, { reviewed })));
  };
  const changing = { steps: [as(1, 'read'), as(2, 'change')], decision: 'review' };
  assert.match(await approve(kept('ann', 'effect:restart'), changing, [2]), /E_ACT_SCOPE: step 2.*restart at most/);
  assert.is(await approve(kept('ann', 'effect:restart'), changing, []), 'not refused', 'the first step alone');
  assert.is(await approve(kept('ann', 'effect:change'), changing, [2]), 'not refused');
  const undoing = { steps: [as(1, 'restart')], rollback: [as(1, 'destroy', 'rollback')], decision: 'review' };
  assert.match(await approve(kept('ann', 'effect:change'), undoing, [1]), /E_ACT_SCOPE: rollback 1/);
  assert.match(await approve(kept('bob', 'effect:restart'), changing, [2]), /E_ACT_STATE.*nobody but ann/);
});

test('audit verify names an approval that was alone where two had to agree, an order under one, and a forged second', async (context) => {
  const { hub, roster } = context;
  const said = (kind: string, actor: string, incident: string, data: object) =>
    hub.store.write(() => appendAudit(hub.store, hub.key, { kind, actor, incident, data: { ...data } }, Date.now()));
  const bad = () => verifyApprovals(hub.store, roster).first?.why ?? 'all good';
  await said('roster.changed', 'site-root', '', { version: 2 });
  const { id } = await proposeTo(hub);
  await agree(context, id, ANN);
  const waiting = getIncident(hub.store, id);
  const first = waiting && firstOf(waiting);
  if (!first) throw new Error('no first');
  assert.is(bad(), 'all good');
  const forged = { second: first.payload, signature: first.signature };
  await until('it has gone its way', () => getIncident(hub.store, id)?.route !== undefined);
  const cut = () => hub.store.write(() => void hub.store.audit.remove(auditHead(hub.store).count));
  await said('plan.seconded', 'bob', id, forged);
  assert.not.match(bad(), /all good/);
  await cut();
  const order = makeOrder(hub, { ...waiting, approval: first }, 'apply');
  await said('order.sent', 'hub', id, { bytes: order?.bytes });
  assert.match(bad(), /rests on ann alone/);
  await cut();
  const { payload: approval, signature } = approvalFor(hub, waiting);
  await said('plan.approved', 'ann', id, { approval, signature });
  assert.match(bad(), /two persons had to agree/);
});

test.run();
