import { existsSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type KeyPair, newKeyPair } from '../../broker/keys.ts';
import type { Approval, Roster } from '../../broker/messages.ts';
import { sealRoster } from '../../broker/roster.ts';
import { NAMESPACES, sshSign } from '../../broker/sshsig.ts';
import { secondOf, signSecond } from '../../broker/two-person.ts';
import type { Effect } from '../../policy/verdict.ts';
import { inShort, judgeOf, type Planned, programOf, TestSite } from './order-fixtures.ts';

/** What an agent asks for by itself where two persons must agree, whatever its hub says. Each order would make a file. */
interface Context {
  site: TestSite;
  made: string;
  plan: Planned[];
}
const test = suite<Context>('orders that two persons must agree to');
const bob = newKeyPair();
const heard = (site: TestSite, two_person: NonNullable<Roster['two_person']>): Roster => {
  const operators = [...site.roster.operators, { name: 'bob', key: bob.public, role: 'approver' as const, scopes: [] }];
  const roster = { ...site.roster, version: site.trust.roster.version + 1, operators, two_person };
  site.trust.learnRoster(sealRoster(roster, site.root));
  return roster;
};
test.before.each((context) => {
  context.site = new TestSite();
  context.made = context.site.file('made');
  context.plan = [{ phase: 'step', number: 1, program: programOf(['touch', context.made]) }];
  heard(context.site, [{ where: 'host:web-1', plans: 'all' }]);
});
test.after.each(({ site }) => site.close());

/** A judge that finds every program to do this, and lets it. */
const judgeDoing = (effect: Effect): ReturnType<typeof judgeOf> => {
  const judge = judgeOf('allow');
  return { ...judge, judge: (...asked) => ({ ...judge.judge(...asked), effect }) };
};

/** The order with what `by` signs as the second. */
async function seconded(site: TestSite, approval: Approval, plan: readonly Planned[], by = 'bob', key: KeyPair = bob) {
  const order = approval.alone === undefined ? site.order(approval, plan) : site.orderAlone(approval, plan);
  const signed = { payload: order.approval, signature: order.approval_signature };
  const words = secondOf(signed, approval, { by, role: 'approver', not_after: Date.now() + 60_000 });
  const sign = async (message: Uint8Array) => sshSign(message, NAMESPACES.second, key);
  const { payload, signature } = await signSecond(words, sign);
  return { ...order, second: payload, second_signature: signature };
}

test('one person’s approval runs nothing, and with another’s it runs, once', async ({ site, made, plan }) => {
  const approval = site.approval(plan);
  assert.equal(inShort(await site.run(site.order(approval, plan))), ['step 1 refused E_APPROVAL_SECOND']);
  assert.not(existsSync(made));
  const order = await seconded(site, approval, plan);
  assert.equal(inShort(await site.run(order)), ['step 1 done']);
  assert.ok(existsSync(made));
  const { second: _, second_signature: __, ...again } = order;
  assert.equal(inShort(await site.run(again)), ['step 1 done'], 'what is known is said again');
  assert.is(site.audit.filter((what) => what === 'step').length, 3);
});

test('a hub that signs the second itself, has the first sign twice, or takes it from another plan runs nothing', async ({
  site,
  made,
  plan,
}) => {
  const approval = site.approval(plan);
  const other = await seconded(site, site.approval(plan), plan);
  for (const [order, why] of [
    [await seconded(site, approval, plan, 'bob', site.hub), 'E_SIGNATURE'],
    [await seconded(site, approval, plan, 'ann', site.ann), 'E_APPROVAL_SECOND'],
    [
      { ...site.order(approval, plan), second: other.second, second_signature: other.second_signature },
      'E_APPROVAL_SECOND',
    ],
  ] as const)
    assert.equal(inShort(await site.run(order)), [`step 1 refused ${why}`]);
  assert.not(existsSync(made));
});

test('where every plan needs two, no rule lets one run; where consent does, a rule may', async ({
  site,
  made,
  plan,
}) => {
  assert.equal(inShort(await site.run(site.orderAlone(site.alone(plan), plan))), ['step 1 refused E_APPROVAL_SECOND']);
  const helped = await seconded(site, site.alone(plan), plan);
  assert.equal(inShort(await site.run(helped)), ['step 1 refused E_APPROVAL_SECOND'], 'one person and the hub’s key');
  assert.not(existsSync(made));
  heard(site, [{ where: '*', plans: 'review' }]);
  assert.equal(inShort(await site.run(site.orderAlone(site.alone(plan), plan))), ['step 1 done']);
});

test('under `review` a hub can’t leave the consent out: what needs it does not run without', async ({
  site,
  made,
  plan,
}) => {
  heard(site, [{ where: '*', plans: 'review' }]);
  const judge = judgeOf('review');
  const consented = site.approval(plan, { reviewed: [1] });
  assert.equal(inShort(await site.run(site.order(consented, plan), { judge })), ['step 1 refused E_APPROVAL_SECOND']);
  assert.equal(inShort(await site.run(site.order(site.approval(plan), plan), { judge })), [
    'step 1 refused E_POLICY_REVIEW',
  ]);
  assert.not(existsSync(made));
  assert.equal(inShort(await site.run(await seconded(site, consented, plan), { judge })), ['step 1 done']);
});

test('by tag: the agent asks its own, and one whose tags are not known asks for two', async ({ site, plan }) => {
  heard(site, [{ where: 'tag:safety', plans: 'all' }]);
  const one = () => site.order(site.approval(plan), plan);
  const asks = ['step 1 refused E_APPROVAL_SECOND'];
  assert.equal(inShort(await site.run(one())), asks);
  assert.equal(inShort(await site.run(one(), { tags: () => ['safety'] })), asks);
  assert.equal(inShort(await site.run(one(), { tags: () => ['web'] })), ['step 1 done']);
});

test('what two persons let begin is undone when one of them has left', async ({ site, plan, made }) => {
  const undo: Planned = { phase: 'rollback', number: 1, program: programOf(['rm', made]) };
  const approval = site.approval([...plan, undo]);
  const order = await seconded(site, approval, plan);
  assert.equal(inShort(await site.run(order)), ['step 1 done']);
  const roster = heard(site, [{ where: '*', plans: 'all' }]);
  const former = [{ name: 'bob', key: bob.public, role: 'approver' as const, until: roster.version }];
  const left = { ...roster, version: roster.version + 1, operators: site.roster.operators, former };
  site.trust.learnRoster(sealRoster(left, site.root));
  assert.equal(inShort(await site.run({ ...order, programs: [undo] })), ['rollback 1 done']);
  assert.not(existsSync(made));
});

test('an agent holds each command against what its signers may approve at most, also the second one', async ({
  site,
  plan,
  made,
}) => {
  const roster = heard(site, [{ where: '*', plans: 'all' }]);
  const kept = (name: string, version: number) => {
    const operators = roster.operators.map((one) => (one.name === name ? { ...one, scopes: ['effect:restart'] } : one));
    site.trust.learnRoster(sealRoster({ ...roster, version, operators }, site.root));
  };
  const worse = judgeDoing('change');
  const run = async (judge = worse) =>
    inShort(await site.run(await seconded(site, site.approval(plan), plan), { judge }));
  for (const [i, name] of ['ann', 'bob'].entries()) {
    kept(name, roster.version + 1 + i);
    assert.equal(await run(), ['step 1 refused E_APPROVAL_EFFECT'], name);
    assert.not(existsSync(made));
  }
  assert.equal(await run(judgeDoing('restart')), ['step 1 done']);
  kept('nobody', roster.version + 3);
  assert.equal(await run(), ['step 1 done']);
});

test.run();
