import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Trust } from '../../agent/trust.ts';
import { type Halt, sealCheckpoint, sealHalt, signLift } from '../../broker/halts.ts';
import { type KeyPair, newKeyPair } from '../../broker/keys.ts';
import { sealRoster } from '../../broker/roster.ts';
import { until } from '../broker/site.ts';
import { HASH, inShort, type Planned, programOf, TestSite } from './order-fixtures.ts';

const test = suite<{ site: TestSite; root: KeyPair }>('halt');
test.before.each((context) => {
  context.site = new TestSite();
});
test.after.each(({ site }) => site.close());

const code = (expected: string) => (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === expected;
const admin = newKeyPair();

/** The site with an admin beside its approver, heard by the agent. */
function withAdmin(site: TestSite): void {
  const operators = [...site.roster.operators, { name: 'eve', key: admin.public, role: 'admin' as const, scopes: [] }];
  site.trust.learnRoster(sealRoster({ ...site.roster, version: 4, operators }, site.root));
}

const halt = (site: TestSite, counter: number, change: Partial<Halt> = {}, by = site.hub) =>
  sealHalt({ site: 'local', epoch: 2, counter, halted: true, at: 1, by: 'ann', reason: 'test', ...change }, by);

/** A lift by someone of the halt with this counter. */
function lift(site: TestSite, counter: number, who = 'eve', key = admin, change: Partial<Halt> = {}): Uint8Array {
  const { payload, signature } = signLift({ site: 'local', counter, by: who }, key);
  const said = { halted: false, by: who, reason: '', lift: payload, lift_signature: signature };
  return halt(site, counter + 1, { ...said, ...change });
}

const step = (number: number, ...argv: string[]): Planned => ({ phase: 'step', number, program: programOf(argv) });

test('what runs is ended, and what comes after is refused, until an admin has lifted it', async ({ site }) => {
  withAdmin(site);
  const steps = [step(1, 'sleep', '60'), step(2, 'true')];
  const approval = site.approval(steps);
  const executor = site.executor();
  const reports: Parameters<typeof inShort>[0][number][] = [];
  const running = executor.run(site.arrived(site.order(approval, steps)), (report) => reports.push(report));
  await until(
    'the step',
    () => site.journal.known({ approval: approval.id, phase: 'step', number: 1 }).state === 'begun',
  );
  assert.ok(site.trust.learnHalt(halt(site, 1)));
  executor.halt();
  await running;
  assert.equal(inShort(reports), ['step 1 failed E_HALTED']);

  const again = site.approval(steps.slice(1).map((one) => ({ ...one, number: 1 })));
  const order = site.order(again, [step(1, 'true')]);
  assert.equal(inShort(await site.run(order)), ['step 1 refused E_HALTED']);
  assert.not(site.trust.learnHalt(lift(site, 1)));
  assert.equal(inShort(await site.run(order)), ['step 1 done']);
});

test('a halt outlives the agent; a lift by less than an admin, or of another halt, is none', ({ site }) => {
  withAdmin(site);
  site.trust.learnHalt(halt(site, 3));
  const restarted = new Trust(site.folder, site.root.public);
  assert.throws(() => restarted.checkHalt(), code('E_HALTED'));
  const { trust } = site;
  for (const [forged, expected] of [
    [lift(site, 3, 'ann', site.ann), 'E_SIGNATURE'],
    [lift(site, 3, 'eve', site.ann), 'E_SIGNATURE'],
    [lift(site, 3, 'mallory', newKeyPair()), 'E_SIGNATURE'],
    [lift(site, 2, 'eve', admin, { counter: 4 }), 'E_SIGNATURE'],
    [halt(site, 4, { halted: false }), 'E_SIGNATURE'],
    [lift(site, 3, 'eve', admin, { epoch: 1 }), 'E_SIGNATURE'],
    [lift(site, 3, 'eve', admin, { site: 'other' }), 'E_SIGNATURE'],
    [halt(site, 9, {}, newKeyPair()), 'E_SIGNATURE'],
    [lift(site, 1), 'E_HALT_OLD'],
    [halt(site, 2), 'E_HALT_OLD'],
  ] as const) {
    assert.throws(() => trust.learnHalt(forged), code(expected));
    assert.throws(() => trust.checkHalt(), code('E_HALTED'));
  }
  trust.learnHalt(lift(site, 3));
  trust.checkHalt();
  // The halt that was lifted does not come back.
  assert.throws(() => trust.learnHalt(halt(site, 3)), code('E_HALT_OLD'));
  new Trust(site.folder, site.root.public).checkHalt();
});

test('a later checkpoint that is lower is a chain that was cut; an old one that a broker kept says nothing', ({
  site,
}) => {
  const at = (now: number, count: number, hash = HASH, by = site.hub) =>
    sealCheckpoint({ site: 'local', epoch: 2, now, audit_head: { count, hash } }, by);
  const { trust } = site;
  trust.learnCheckpoint(at(1_000, 10));
  trust.learnCheckpoint(at(2_000, 12));
  trust.learnCheckpoint(at(1_000, 10));
  for (const cut of [at(3_000, 11), at(3_000, 12, 'cd'.repeat(32))]) {
    assert.throws(() => trust.learnCheckpoint(cut), code('E_AUDIT_ROLLBACK'));
    assert.throws(
      () => new Trust(site.folder, site.root.public).witness({ count: 11, hash: HASH }),
      code('E_AUDIT_ROLLBACK'),
    );
  }
  assert.throws(() => trust.learnCheckpoint(at(4_000, 20, HASH, newKeyPair())), code('E_SIGNATURE'));
  trust.learnCheckpoint(at(4_000, 13));
  assert.ok(trust.now(0) >= 4_000);
});

test.run();
