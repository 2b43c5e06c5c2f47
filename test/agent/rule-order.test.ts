import { existsSync, rmSync } from 'node:fs';
import { uptime } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AutomationRule } from '../../broker/automation-rule.ts';
import { sealCheckpoint } from '../../broker/halts.ts';
import { newKeyPair } from '../../broker/keys.ts';
import type { Approval } from '../../broker/messages.ts';
import { inShort, judgeOf, type Planned, programOf, TestSite } from './order-fixtures.ts';

/** What an agent lets run with nobody there. Each order here would make a file: whether it exists says what ran. */
const test = suite<{ site: TestSite; made: string; plan: Planned[] }>('orders by a rule');
test.before.each((context) => {
  context.site = new TestSite();
  context.made = context.site.file('made');
  context.plan = [{ phase: 'step', number: 1, program: programOf(['touch', context.made]) }];
});
test.after.each(({ site }) => site.close());

const asked = { cause: 'service-failed', confidence: 0.93 };

test('an order that a rule covers runs', async ({ site, made, plan }) => {
  assert.equal(inShort(await site.run(site.orderAlone(site.alone(plan), plan))), ['step 1 done']);
  assert.ok(existsSync(made));
});

const NO_RULE: Readonly<Record<string, readonly [string, Partial<AutomationRule>]>> = {
  'that has lapsed': ['E_RULE_LAPSED', { not_after: Date.now() - 1 }],
  'that was signed for longer than any may': ['E_RULE_LAPSED', { made: 1, not_after: Number.MAX_SAFE_INTEGER }],
  'of another site': ['E_RULE_SITE', { site: 'elsewhere' }],
  'for other hosts': ['E_RULE_SCOPE', { hosts: ['db-1'] }],
  'for other causes': ['E_RULE_SCOPE', { classes: ['disk-full'] }],
  'for hosts with a tag that this one does not have': ['E_RULE_SCOPE', { tags: ['edge'] }],
  'for surer plans': ['E_RULE_CONFIDENCE', { confidence: 0.95 }],
  'for hours that are over': [
    'E_RULE_WINDOW',
    { windows: [{ days: [(new Date().getUTCDay() + 3) % 7], from: 0, to: 1_440 }] },
  ],
  'that was made for a day to come': [
    'E_RULE_LAPSED',
    { made: Date.now() + 2 * 86_400_000, not_after: Date.now() + 3 * 86_400_000 },
  ],
  'by one who is no admin': ['E_RULE_SIGNER', { by: 'ann' }],
};
for (const [what, [code, change]] of Object.entries(NO_RULE)) {
  test(`under a rule ${what} nothing runs`, async ({ site, made, plan }) => {
    const by = change.by ?? 'adm';
    const signer = by === 'adm' ? site.adm : site.ann;
    const approval = site.alone(plan, change, signer, { by });
    assert.equal(inShort(await site.run(site.orderAlone(approval, plan))), [`step 1 refused ${code}`]);
    assert.not(existsSync(made));
  });
}

test('whatever a rule says, nothing below 0.90 runs alone', async ({ site, plan }) => {
  const approval = site.alone(plan, { confidence: 0 });
  const unsure = { ...approval, alone: { ...alone(approval), confidence: 0.89 } };
  assert.equal(inShort(await site.run(site.orderAlone(unsure, plan))), ['step 1 refused E_RULE_CONFIDENCE']);
});

test('a rule that another key signed is worth nothing, and neither is an approval that the hub did not sign', async ({
  site,
  made,
  plan,
}) => {
  for (const key of [newKeyPair(), site.ann, site.hub, site.root])
    assert.equal(inShort(await site.run(site.orderAlone(site.alone(plan, {}, key), plan))), [
      'step 1 refused E_SIGNATURE',
    ]);
  for (const key of [newKeyPair(), site.adm, site.root])
    assert.equal(inShort(await site.run(site.orderAlone(site.alone(plan), plan, key))), ['step 1 refused E_SIGNATURE']);
  assert.not(existsSync(made));
});

test('an operator’s signature does not stand in for the hub’s, nor the hub’s for an operator’s', async ({
  site,
  made,
  plan,
}) => {
  const byPerson = site.order(site.alone(plan), plan, {}, site.adm);
  assert.equal(inShort(await site.run(byPerson)), ['step 1 refused E_SIGNATURE']);
  const { alone: _, ...withoutRule } = site.alone(plan);
  assert.equal(inShort(await site.run(site.orderAlone(withoutRule, plan))), ['step 1 refused E_SIGNATURE']);
  assert.not(existsSync(made));
});

test('what needs review does not run by a rule, and no rule consents to it', async ({ site, made, plan }) => {
  const review = { judge: judgeOf('review') };
  const order = site.orderAlone(site.alone(plan), plan);
  assert.equal(inShort(await site.run(order, review)), ['step 1 refused E_POLICY_REVIEW']);
  const consenting = site.orderAlone(site.alone(plan, {}, site.adm, { reviewed: [1] }), plan);
  assert.equal(inShort(await site.run(consenting, review)), ['step 1 refused E_RULE_CONSENT']);
  assert.not(existsSync(made));
});

test('a host with the tag is covered, and tags that are not known cover nothing', async ({ site, plan }) => {
  const order = () => site.orderAlone(site.alone(plan, { tags: ['edge'] }), plan);
  assert.equal(inShort(await site.run(order())), ['step 1 refused E_RULE_SCOPE']);
  assert.equal(inShort(await site.run(order(), { tags: () => ['edge', 'line-4'] })), ['step 1 done']);
});

test('the agent holds the budget of an hour by itself, across a restart, and a person may go on', async ({
  site,
  made,
  plan,
}) => {
  for (let n = 1; n <= 2; n++)
    assert.equal(inShort(await site.run(site.orderAlone(site.alone(plan), plan))), ['step 1 done']);
  rmSync(made);
  site.restart();
  assert.equal(inShort(await site.run(site.orderAlone(site.alone(plan), plan))), ['step 1 refused E_RULE_BUDGET']);
  assert.not(existsSync(made));
  assert.equal(inShort(await site.run(site.order(site.approval(plan), plan))), ['step 1 done']);
  const until = { not_after: Date.now() + 9_000_000 };
  const fresh = () => site.orderAlone(site.alone(plan, until, site.adm, until), plan);
  const later = { uptime: () => uptime() * 1_000 + 3_700_000 };
  assert.equal(inShort(await site.run(fresh(), later)), ['step 1 done']);
});

test('no clock gives a budget anew: neither this host’s, nor the time that the hub tells', async ({ site, plan }) => {
  const until = { not_after: Date.now() + 99 * 3_600_000 };
  const fresh = () => site.orderAlone(site.alone(plan, until, site.adm, until), plan);
  for (let n = 1; n <= 2; n++) assert.equal(inShort(await site.run(fresh())), ['step 1 done']);
  for (const hours of [2, -20, 48]) {
    const now = () => Date.now() + hours * 3_600_000;
    assert.equal(inShort(await site.run(fresh(), { now })), ['step 1 refused E_RULE_BUDGET']);
  }
  const audit_head = { count: 5, hash: 'ab'.repeat(32) };
  const told = { site: 'local', epoch: site.roster.epoch, now: Date.now() + 3 * 3_600_000, audit_head };
  site.trust.learnCheckpoint(sealCheckpoint(told, site.hub));
  site.restart();
  assert.equal(inShort(await site.run(fresh())), ['step 1 refused E_RULE_BUDGET']);
});

test('no hub makes it an hour of the rule’s: this host’s own clock is asked too, where it goes', async ({
  site,
  made,
  plan,
}) => {
  const HOUR = 3_600_000;
  const minute = (ms: number) => Math.floor((ms % (24 * HOUR)) / 60_000);
  const [from, to] = [minute(Date.now() + 6 * HOUR), minute(Date.now() + 8 * HOUR)];
  const windows = [{ days: [0, 1, 2, 3, 4, 5, 6], from, to: Math.max(1, to) }];
  const until = { not_after: Date.now() + 24 * HOUR };
  const order = () => site.orderAlone(site.alone(plan, { windows, ...until }, site.adm, until), plan);
  const audit_head = { count: 5, hash: 'ab'.repeat(32) };
  const told = { site: 'local', epoch: site.roster.epoch, now: Date.now() + 7 * HOUR, audit_head };
  assert.is(site.trust.learnCheckpoint(sealCheckpoint(told, site.hub)).doubt, null);
  const [refused] = await site.run(order());
  assert.equal([refused?.state, refused?.code], ['refused', 'E_RULE_WINDOW']);
  assert.match(refused?.stderr ?? '', /by this host's own clock/);
  assert.not(existsSync(made));
  assert.equal(inShort(await site.run(order(), { now: () => Date.now() + 7 * HOUR })), ['step 1 done']);
  // Two clocks that are looked after differ a little, also at the beginning of an hour.
  const early = () => Date.now() + 6 * HOUR - 4 * 60_000;
  assert.equal(inShort(await site.run(order(), { now: early })), ['step 1 done']);
});

test('a host whose clock is in 1970 knows the hours by the hub alone', async ({ site, plan }) => {
  const audit_head = { count: 5, hash: 'ab'.repeat(32) };
  const told = { site: 'local', epoch: site.roster.epoch, now: Date.now(), audit_head };
  site.trust.learnCheckpoint(sealCheckpoint(told, site.hub));
  const today = [{ days: [new Date().getUTCDay(), (new Date().getUTCDay() + 1) % 7], from: 0, to: 1_440 }];
  const order = site.orderAlone(site.alone(plan, { windows: today }), plan);
  assert.equal(inShort(await site.run(order, { now: () => 5_000 })), ['step 1 done']);
});

test('what was done is undone within a day by its approval, and later by a person’s new one alone', async ({
  site,
  made,
  plan,
}) => {
  const undo: Planned = { phase: 'rollback', number: 1, program: programOf(['rm', made]) };
  const check: Planned = { phase: 'post', number: 1, program: programOf(['true']) };
  const approval = site.alone([...plan, check, undo]);
  assert.equal(inShort(await site.run(site.orderAlone(approval, plan))), ['step 1 done']);
  const after = (hours: number) => ({ now: () => Date.now() + hours * 3_600_000 });
  site.restart();
  for (const one of [undo, check])
    assert.equal(inShort(await site.run(site.orderAlone(approval, [one]), after(25))), [
      `${one.phase} 1 refused E_ORDER_LATE`,
    ]);
  assert.ok(existsSync(made));
  assert.equal(inShort(await site.run(site.orderAlone(approval, [undo]), after(23))), ['rollback 1 done']);
  // What came of it is told whenever it is asked.
  assert.equal(inShort(await site.run(site.orderAlone(approval, [undo]), after(99))), ['rollback 1 done']);
});

test('what began under a rule is undone when its hours are over', async ({ site, made, plan }) => {
  const undo: Planned = { phase: 'rollback', number: 1, program: programOf(['rm', made]) };
  const approval = site.alone([...plan, undo]);
  assert.equal(inShort(await site.run(site.orderAlone(approval, plan))), ['step 1 done']);
  const later = { now: () => Date.now() + 3_600_000 };
  assert.equal(inShort(await site.run(site.orderAlone(approval, [undo]), later)), ['rollback 1 done']);
  assert.not(existsSync(made));
});

test('an approval of a name that began here, but another, inherits nothing from it', async ({ site, made, plan }) => {
  const person = site.approval(plan);
  assert.equal(inShort(await site.run(site.order(person, plan))), ['step 1 done']);
  // The hub's key alone: a rule that is over, and programs that nobody has seen.
  const forged: Planned = { phase: 'post', number: 1, program: programOf(['rm', made]) };
  const more: Planned = { phase: 'step', number: 2, program: programOf(['rm', made]) };
  const lapsed = { not_after: Date.now() - 1 };
  const check = site.alone([...plan, forged], lapsed, site.adm, { id: person.id });
  assert.equal(inShort(await site.run(site.orderAlone(check, [forged]))), ['post 1 refused E_ORDER_PLAN']);
  const longer = site.alone([...plan, more], {}, site.adm, { id: person.id });
  assert.equal(inShort(await site.run(site.orderAlone(longer, [more]))), ['step 2 refused E_ORDER_PLAN']);
  site.restart();
  assert.equal(inShort(await site.run(site.orderAlone(check, [forged]))), ['post 1 refused E_ORDER_PLAN']);
  assert.ok(existsSync(made));
});

test('the budget of an hour is the site’s hour, whatever this host’s clock says', async ({ site, plan }) => {
  const audit_head = { count: 1, hash: 'ab'.repeat(32) };
  site.trust.learnCheckpoint(
    sealCheckpoint({ site: 'local', epoch: site.roster.epoch, now: Date.now(), audit_head }, site.hub),
  );
  const slow = { now: () => Date.now() - 2 * 3_600_000 };
  for (let n = 1; n <= 2; n++) await site.run(site.orderAlone(site.alone(plan), plan), slow);
  const third = await site.run(site.orderAlone(site.alone(plan), plan), slow);
  assert.equal(inShort(third), ['step 1 refused E_RULE_BUDGET']);
});

const alone = ({ alone = { rule: new Uint8Array(), rule_signature: new Uint8Array(), ...asked } }: Approval) => alone;

test.run();
