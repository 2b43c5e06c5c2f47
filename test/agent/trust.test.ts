import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Trust } from '../../agent/trust.ts';
import { newKeyPair } from '../../broker/keys.ts';
import type { Ack, Roster } from '../../broker/messages.ts';
import { sealRoster } from '../../broker/roster.ts';

const test = suite<{ folder: string }>('trust');
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'sentinel-trust-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

const root = newKeyPair();
const hash = (digits: string): string => digits.repeat(32);
const roster: Roster = { site: 'local', version: 3, epoch: 2, hub_key: newKeyPair().public, operators: [] };
const ack = (change: Partial<Ack>): Ack => ({
  agent: 'web-1',
  boot: 'a'.repeat(16),
  through: 1,
  now: 1_000,
  counter: 1,
  audit_head: { count: 1, hash: hash('aa') },
  ...change,
});
const code = (expected: string) => (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === expected;

test('knows no roster before it heard one, and none that another root signed', ({ folder }) => {
  const trust = new Trust(folder, root.public);
  assert.throws(() => trust.roster, code('E_NO_ROSTER'));
  assert.throws(() => trust.learnRoster(sealRoster(roster, newKeyPair())), code('E_SIGNATURE'));
  assert.throws(() => trust.roster, code('E_NO_ROSTER'));
  trust.learnRoster(sealRoster(roster, root));
  assert.equal(trust.roster, roster);
});

test('an older roster or epoch is refused, after a restart too, and the one in force stays', ({ folder }) => {
  const first = new Trust(folder, root.public);
  first.learnRoster(sealRoster(roster, root));
  for (const trust of [first, new Trust(folder, root.public)]) {
    assert.throws(() => trust.learnRoster(sealRoster({ ...roster, version: 2 }, root)), code('E_ROSTER_OLD'));
    assert.throws(() => trust.learnRoster(sealRoster({ ...roster, version: 4, epoch: 1 }, root)), code('E_EPOCH_OLD'));
  }
  assert.equal(first.roster, roster);
  first.learnRoster(sealRoster({ ...roster, version: 9 }, root));
  assert.is(first.roster.version, 9);
});

test('an ack that was heard before, or that comes late, is refused', ({ folder }) => {
  const first = new Trust(folder, root.public);
  first.learnAck(ack({ counter: 5 }));
  for (const trust of [first, new Trust(folder, root.public)]) {
    for (const counter of [5, 4, 1]) assert.throws(() => trust.learnAck(ack({ counter })), code('E_ACK_OLD'));
  }
  first.learnAck(ack({ counter: 6 }));
});

test('the audit chain never gets shorter and never another of the same length', ({ folder }) => {
  const first = new Trust(folder, root.public);
  first.learnAck(ack({ counter: 1, audit_head: { count: 10, hash: hash('aa') } }));
  for (const trust of [first, new Trust(folder, root.public)]) {
    for (const head of [
      { count: 9, hash: hash('aa') },
      { count: 10, hash: hash('bb') },
      { count: 0, hash: hash('00') },
    ]) {
      assert.throws(() => trust.witness(head), code('E_AUDIT_ROLLBACK'));
      assert.throws(() => trust.learnAck(ack({ counter: 2, audit_head: head })), code('E_AUDIT_ROLLBACK'));
    }
    trust.witness({ count: 10, hash: hash('aa') });
  }
  first.witness({ count: 11, hash: hash('cc') });
  assert.throws(
    () => new Trust(folder, root.public).witness({ count: 10, hash: hash('aa') }),
    code('E_AUDIT_ROLLBACK'),
  );
});

test('time is the later of the clock and the hub’s, and runs on between acks', ({ folder }) => {
  let passed = 1;
  const trust = new Trust(folder, root.public, () => passed);
  assert.is(trust.now(500), 500);
  trust.learnAck(ack({ counter: 1, now: 10_000 }));
  passed = 31;
  assert.is(trust.now(500), 10_030);
  assert.is(trust.now(20_000), 20_000);
  trust.learnAck(ack({ counter: 2, now: 5_000 }));
  assert.is(trust.now(500), 10_000);
  assert.is(new Trust(folder, root.public, () => 0).now(500), 10_000);
});

test('an ack of another epoch is refused; in a new one the hub that took over counts from the start', ({ folder }) => {
  const first = new Trust(folder, root.public);
  first.learnRoster(sealRoster(roster, root));
  first.learnAck(ack({ counter: 50, epoch: 2, audit_head: { count: 90, hash: hash('aa') }, now: 5_000 }));
  for (const epoch of [1, 3]) assert.throws(() => first.learnAck(ack({ counter: 51, epoch })), code('E_EPOCH_OLD'));
  first.learnRoster(sealRoster({ ...roster, version: 4, epoch: 3 }, root));
  for (const trust of [first, new Trust(folder, root.public)]) {
    assert.throws(() => trust.learnAck(ack({ counter: 60, epoch: 2 })), code('E_EPOCH_OLD'));
    assert.throws(() => trust.learnRoster(sealRoster(roster, root)), code('E_ROSTER_OLD'));
  }
  // Its backup's chain is shorter, and its counter too; what time it is, it can't take back.
  first.learnAck(ack({ counter: 1, epoch: 3, audit_head: { count: 40, hash: hash('bb') }, now: 10 }));
  assert.throws(() => first.witness({ count: 39, hash: hash('bb') }), code('E_AUDIT_ROLLBACK'));
  assert.ok(first.now(0) >= 5_000);
});

test('a memory that can’t be read is an error, not a fresh start', ({ folder }) => {
  new Trust(folder, root.public).learnAck(ack({}));
  for (const content of ['', '{', '{}', '{"roster_version":-1}']) {
    writeFileSync(join(folder, 'trust.json'), content);
    assert.throws(() => new Trust(folder, root.public), code('E_STATE_BROKEN'));
  }
});

test.run();
