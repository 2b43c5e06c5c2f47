import { existsSync, rmSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { StepReport } from '../../agent/execute.ts';
import { APPROVAL_AHEAD_MS } from '../../agent/open-order.ts';
import { newKeyPair } from '../../broker/keys.ts';
import type { Approval, Order, Roster } from '../../broker/messages.ts';
import { sealRoster } from '../../broker/roster.ts';
import { ulid } from '../../broker/ulid.ts';
import { BOOT, HASH, inShort, type Planned, programOf, TestSite } from './order-fixtures.ts';

/** Each order here would make a file: whether it exists says whether anything was spawned. */
const test = suite<{ site: TestSite; made: string; plan: Planned[] }>('orders');
test.before.each((context) => {
  context.site = new TestSite();
  context.made = context.site.file('made');
  context.plan = [{ phase: 'step', number: 1, program: programOf(['touch', context.made]) }];
});
test.after.each(({ site }) => site.close());

test('an approved order runs', async ({ site, made, plan }) => {
  assert.equal(inShort(await site.run(site.order(site.approval(plan), plan))), ['step 1 done']);
  assert.ok(existsSync(made));
});

const eve = newKeyPair();
const CHANGES: Readonly<Record<string, readonly [string, Partial<Order>, Partial<Approval>]>> = {
  'for another agent': ['E_ORDER_AGENT', { agent: 'db-1' }, {}],
  'for another site': ['E_ORDER_SITE', { site: 'elsewhere' }, {}],
  'of an old epoch': ['E_ORDER_EPOCH', { epoch: 1 }, {}],
  'of an epoch that the root did not announce': ['E_ORDER_EPOCH', { epoch: 3 }, {}],
  'for an earlier start of the agent': ['E_ORDER_BOOT', { boot: 'f'.repeat(16) }, {}],
  'with a lapsed approval': ['E_APPROVAL_EXPIRED', {}, { not_after: Date.now() - 1 }],
  'with an approval for longer than any may be': [
    'E_APPROVAL_EXPIRED',
    {},
    { not_after: Date.now() + APPROVAL_AHEAD_MS + 60_000 },
  ],
  'with an approval for another host': ['E_ORDER_HOST', {}, { host: 'db-1' }],
  'with an approval for another site': ['E_APPROVAL_SITE', {}, { site: 'elsewhere' }],
  'with an approval for another incident': ['E_ORDER_PLAN', { incident: ulid() }, {}],
  'with an approval of another plan': ['E_ORDER_PLAN', {}, { programs: [{ phase: 'step', number: 1, hash: HASH }] }],
  'with an approval of nothing': ['E_ORDER_PLAN', {}, { programs: [] }],
  'by someone who is not on the roster': ['E_APPROVAL_OPERATOR', {}, { by: 'eve' }],
  'with a role that the operator does not have': ['E_APPROVAL_ROLE', {}, { role: 'admin' }],
};
for (const [what, [code, order, approval]] of Object.entries(CHANGES)) {
  test(`an order ${what} is refused and runs nothing`, async ({ site, made, plan }) => {
    const reports = await site.run(site.order(site.approval(plan, approval), plan, order));
    assert.equal(inShort(reports), [`step 1 refused ${code}`]);
    assert.ok(reports.every(({ last }) => last));
    assert.not(existsSync(made));
  });
}

test('an approval that another key signed is refused', async ({ site, made, plan }) => {
  for (const key of [eve, site.hub, site.root]) {
    const order = site.order(site.approval(plan), plan, {}, key);
    assert.equal(inShort(await site.run(order)), ['step 1 refused E_SIGNATURE']);
  }
  assert.not(existsSync(made));
});

test('an approval that was changed after it was signed is refused', async ({ site, made, plan }) => {
  const order = site.order(site.approval(plan), plan);
  for (let at = 0; at < order.approval.length; at += 7) {
    const approval = order.approval.slice();
    approval[at] = (approval[at] ?? 0) ^ 1;
    const reports = await site.run({ ...order, approval });
    assert.is(reports[0]?.state, 'refused');
  }
  assert.not(existsSync(made));
});

test('an order that the hub’s key did not sign is not even an order', ({ site, plan }) => {
  const order = site.order(site.approval(plan), plan);
  for (const key of [eve, site.ann, site.root]) {
    assert.throws(
      () => site.arrived(order, key),
      (error: unknown) => error instanceof Error && 'code' in error && error.code === 'E_SIGNATURE',
    );
  }
});

test('a program under another phase, number or with other words is not what was approved', async ({
  site,
  made,
  plan,
}) => {
  const approval = site.approval(plan);
  const [first] = plan;
  assert.ok(first);
  const others: Planned[] = [
    { ...first, phase: 'pre' },
    { ...first, phase: 'rollback' },
    { ...first, number: 2 },
    { ...first, program: programOf(['touch', made, `${made}2`]) },
    { ...first, program: { version: 1, jobs: [...first.program.jobs, ...first.program.jobs] } },
  ];
  for (const other of others) {
    const reports = await site.run(site.order(approval, [other]));
    assert.is(reports[0]?.state, 'refused');
    assert.is(reports[0]?.code, 'E_ORDER_PLAN');
  }
  assert.equal(inShort(await site.run(site.order(approval, [...plan, { ...first, number: 2 }]))), [
    'step 1 refused E_ORDER_PLAN',
  ]);
  assert.not(existsSync(made));
});

test('an approval that names two programs alike is refused: one would pass for the other', async ({
  site,
  made,
  plan,
}) => {
  const other: Planned = { phase: 'step', number: 1, program: programOf(['true']) };
  const order = site.order(site.approval([other, ...plan]), [other]);
  assert.equal(inShort(await site.run(order)), ['step 1 refused E_ORDER_PLAN']);
  assert.not(existsSync(made));
});

test('an order by a hub whose audit chain went back, or is another, is refused', async ({ site, made, plan }) => {
  site.trust.witness({ count: 9, hash: HASH });
  for (const audit_head of [
    { count: 8, hash: HASH },
    { count: 9, hash: 'cd'.repeat(32) },
    { count: 0, hash: '0'.repeat(64) },
  ]) {
    const order = site.order(site.approval(plan), plan, { audit_head });
    assert.equal(inShort(await site.run(order)), ['step 1 refused E_AUDIT_ROLLBACK']);
  }
  assert.not(existsSync(made));
});

test('a key that the roster took away approves nothing any more', async ({ site, made, plan }) => {
  const order = site.order(site.approval(plan), plan);
  site.trust.learnRoster(sealRoster({ ...site.roster, version: 4, operators: [] }, site.root));
  assert.equal(inShort(await site.run(order)), ['step 1 refused E_APPROVAL_OPERATOR']);
  assert.throws(() => site.trust.learnRoster(sealRoster(site.roster, site.root)), /older/);
  assert.not(existsSync(made));
});

test('an approval by who may act on other hosts alone, or on tags that are not this host’s, runs nothing', async ({
  site,
  made,
  plan,
}) => {
  const [ann, adm] = site.roster.operators;
  if (ann === undefined || adm === undefined) throw new Error('no operators');
  const rows: readonly (readonly [string, readonly string[] | undefined, boolean])[] = [
    ['host:db-1', ['web'], false],
    ['tag:db', ['web'], false],
    ['tag:web', undefined, false],
    ['web-1', ['web-1'], false],
    ['tag:web', ['web'], true],
    ['host:web-1', undefined, true],
  ];
  for (const [i, [scope, tags, runs]] of rows.entries()) {
    const roster = { ...site.roster, version: 4 + i, operators: [{ ...ann, scopes: [scope] }, adm] };
    site.trust.learnRoster(sealRoster(roster, site.root));
    const reports = await site.run(
      site.order(site.approval(plan), plan),
      tags === undefined ? {} : { tags: () => tags },
    );
    assert.equal(inShort(reports), [runs ? 'step 1 done' : 'step 1 refused E_APPROVAL_SCOPE'], scope);
    assert.is(existsSync(made), runs, scope);
    rmSync(made, { force: true });
  }
  // What a scoped admin's rule covers is theirs to act on too, or it runs nothing.
  const kept = { ...adm, scopes: ['host:db-1'] };
  site.trust.learnRoster(sealRoster({ ...site.roster, version: 20, operators: [kept] }, site.root));
  assert.equal(inShort(await site.run(site.orderAlone(site.alone(plan), plan))), ['step 1 refused E_APPROVAL_SCOPE']);
  assert.not(existsSync(made));
});

test('setting this host’s clock back does not bring a lapsed approval back', async ({ site, made, plan }) => {
  const approval = site.approval(plan);
  site.trust.learnAck({
    agent: 'web-1',
    boot: BOOT,
    through: 0,
    now: approval.not_after + 1,
    counter: 1,
    audit_head: { count: 1, hash: HASH },
  });
  const reports = await site.run(site.order(approval, plan), { now: () => 1_000 });
  assert.equal(inShort(reports), ['step 1 refused E_APPROVAL_EXPIRED']);
  assert.not(existsSync(made));
});

test('who leaves the roster in the middle of an order, or has another key, lets no further step of it begin', async ({
  site,
  made,
}) => {
  const plan: Planned[] = [
    { phase: 'step', number: 1, program: programOf(['true']) },
    { phase: 'step', number: 2, program: programOf(['touch', made]) },
  ];
  const [ann, adm] = site.roster.operators;
  if (ann === undefined || adm === undefined) throw new Error('two operators');
  let { version } = site.roster;
  let count = 10;
  const end = async (operators: Roster['operators']) => {
    const reports: StepReport[] = [];
    const order = site.order(site.approval(plan), plan, { audit_head: { count: ++count, hash: HASH } });
    await site.executor().run(site.arrived(order), (report) => {
      reports.push(report);
      site.trust.learnRoster(sealRoster({ ...site.roster, version: ++version, operators }, site.root));
      // An ack may tell of a longer chain meanwhile.
      site.trust.witness({ count: ++count, hash: HASH });
    });
    site.trust.learnRoster(sealRoster({ ...site.roster, version: ++version }, site.root));
    return inShort(reports).at(-1);
  };
  assert.is(await end([adm]), 'step 2 refused E_APPROVAL_OPERATOR');
  assert.is(await end([{ ...ann, key: newKeyPair().public }, adm]), 'step 2 refused E_SIGNATURE');
  assert.not(existsSync(made));
  assert.is(await end([ann]), 'step 2 done', 'what others may do is no matter');
});

test('an order of nothing does nothing, and says so', async ({ site, plan }) => {
  assert.equal(inShort(await site.run(site.order(site.approval(plan), []))), ['order done']);
  const foreign = site.order(site.approval(plan), [], { agent: 'db-1' });
  assert.equal(inShort(await site.run(foreign)), ['order refused E_ORDER_AGENT']);
});

test.run();
