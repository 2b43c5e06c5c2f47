import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Hearing, type HearingParts } from '../../agent/hearing.ts';
import { HubTime } from '../../agent/hub-time.ts';
import { SiteWords } from '../../agent/site-words.ts';
import { Trust } from '../../agent/trust.ts';
import { encodeCbor } from '../../broker/cbor.ts';
import { HUB_AHEAD_MS } from '../../broker/clock-bounds.ts';
import { sealCheckpoint } from '../../broker/halts.ts';
import { newKeyPair } from '../../broker/keys.ts';
import type { Ack, Roster } from '../../broker/messages.ts';
import { sealRoster } from '../../broker/roster.ts';
import { seal } from '../../broker/signed.ts';
import { agentTopic, hubTopic } from '../../broker/topics.ts';
import { HASH, inShort, programOf, TestSite } from './order-fixtures.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 27);
const FAR = Date.UTC(2040, 0, 1);

/** How far an agent lets the hub say what time it is. */
const test = suite<{ folder: string }>('hub time');
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'sentinel-hub-time-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

const root = newKeyPair();
const hub = newKeyPair();
const roster: Roster = { site: 'local', version: 3, epoch: 2, hub_key: hub.public, operators: [] };
let counter = 0;
const ack = (now: number): Ack => ({
  agent: 'web-1',
  boot: 'a'.repeat(16),
  through: 7,
  now,
  counter: ++counter,
  audit_head: { count: counter, hash: HASH },
});

/** An agent's trust, and the clocks that it has. */
function host(folder: string, at: { clock: number; passed: number }): Trust {
  const trust = new Trust(
    folder,
    root.public,
    () => at.passed,
    () => at.clock,
  );
  trust.learnRoster(sealRoster(roster, root));
  return trust;
}

test('one word of a far day, in an ack or a checkpoint, does not let every later approval look lapsed', async () => {
  const site = new TestSite();
  try {
    const plan = [{ phase: 'step', number: 1, program: programOf(['true']) }] as const;
    const far = Date.now() + 2 * HUB_AHEAD_MS;
    const audit_head = { count: 5, hash: HASH };
    assert.is(site.trust.learnAck({ ...ack(far), audit_head })?.code, 'E_HUB_TIME');
    const told = { site: 'local', epoch: 2, now: far, audit_head: { count: 6, hash: HASH } };
    assert.is(site.trust.learnCheckpoint(sealCheckpoint(told, site.hub)).doubt?.code, 'E_HUB_TIME');
    const again = new Trust(site.folder, site.root.public);
    again.learnRoster(sealRoster(site.roster, site.root));
    for (const trust of [site.trust, again])
      assert.equal(inShort(await site.run(site.order(site.approval(plan), plan), { trust })), ['step 1 done']);
  } finally {
    site.close();
  }
});

test('what else an ack says counts: its counter and the audit chain’s head, over a restart too', ({ folder }) => {
  const at = { clock: NOW, passed: 1 };
  const trust = host(folder, at);
  const far = ack(FAR);
  assert.is(trust.learnAck(far)?.code, 'E_HUB_TIME');
  for (const one of [trust, host(folder, at)]) {
    assert.throws(() => one.learnAck(far), /heard before/);
    assert.throws(() => one.witness({ count: far.audit_head.count, hash: 'cd'.repeat(32) }), /audit chain/);
    assert.is(one.now(NOW), NOW);
  }
  assert.is(trust.learnAck(ack(NOW + HUB_AHEAD_MS)), null, 'a clock may be off by a day');
});

test('the agent says and counts what it did not believe, forgets what was stored, and keeps what is revoked', ({
  folder,
}) => {
  const trust = host(folder, { clock: NOW, passed: 1 });
  const words = new SiteWords(trust, () => {});
  words.hearRoster(sealRoster(roster, root));
  const stored: number[] = [];
  const warned: unknown[] = [];
  const hearing = new Hearing({
    agent: 'web-1',
    ...{ trust, words },
    hubClock: { hear: () => {} },
    voice: { stored: ({ through }: Ack) => stored.push(through) },
    log: { warn: (_: string, { code }: { code: string }) => warned.push(code) },
  } as unknown as HearingParts);
  for (let n = 0; n < 2; n++) hearing.hear(agentTopic('web-1', 'ack'), seal('ack', encodeCbor(ack(FAR)), hub), false);
  const revoked = ['01KB3Q0000000000000000000A'];
  const told = { site: 'local', epoch: 2, now: FAR, audit_head: { count: 999, hash: HASH }, revoked };
  const message = sealCheckpoint(told, hub);
  hearing.hear(hubTopic('ckpt'), message, true);
  assert.equal(stored, [7, 7], 'a ring that is never let go of would be full some day');
  assert.is(hearing.refused.get('E_HUB_TIME'), 3);
  assert.equal(warned, ['E_HUB_TIME']);
  assert.throws(() => trust.checkRemembered(revoked[0] ?? ''), /remembered no more/);
  assert.equal(words.signed.checkpoint, message, 'the executor hears of it too');
});

test('a hub whose clock is mended forward is followed, and one that ran ahead within the day is waited for', ({
  folder,
}) => {
  const at = { clock: NOW, passed: 1 };
  const trust = host(folder, at);
  for (const hubSays of [1_000, NOW - 40 * DAY_MS, NOW, NOW + 3_600_000]) assert.is(trust.learnAck(ack(hubSays)), null);
  assert.is(trust.now(at.clock), NOW + 3_600_000);
  trust.learnAck(ack(NOW + 10_000));
  assert.is(trust.now(at.clock), NOW + 3_600_000, 'it does not go back');
  at.clock += 2 * 3_600_000;
  trust.learnAck(ack(at.clock));
  assert.is(trust.now(at.clock), at.clock);
});

test('a clock that begins in 1970 takes the first word of each start, and time passes from there', ({ folder }) => {
  const at = { clock: 5_000, passed: 1 };
  const trust = host(folder, at);
  assert.is(trust.learnAck(ack(NOW)), null);
  assert.is(trust.now(at.clock), NOW);
  for (const later of [HUB_AHEAD_MS + 60_001, FAR]) {
    at.passed = 60_001;
    assert.is(trust.learnAck(ack(NOW + later))?.code, 'E_HUB_TIME', 'the hub does not move what it is held against');
  }
  assert.is(trust.learnAck(ack(NOW + 60_000)), null);
  at.passed = 40 * DAY_MS;
  assert.is(trust.learnAck(ack(NOW + 40 * DAY_MS)), null);
  // Off for months, and in 1970 again.
  const next = host(folder, { clock: 5_000, passed: 1 });
  assert.is(next.learnAck(ack(FAR))?.code, 'E_HUB_TIME');
  assert.is(next.now(5_000), NOW + 40 * DAY_MS);
  assert.is(next.learnAck(ack(NOW + 200 * DAY_MS)), null);
});

test('a checkpoint that the broker kept for days is not what a clock in 1970 begins to count from', ({ folder }) => {
  const trust = host(folder, { clock: 5_000, passed: 1 });
  const kept = { site: 'local', epoch: 2, now: NOW - 9 * DAY_MS, audit_head: { count: 1, hash: HASH } };
  assert.is(trust.learnCheckpoint(sealCheckpoint(kept, hub)).doubt, null);
  assert.is(trust.now(5_000), NOW - 9 * DAY_MS);
  assert.is(trust.learnAck({ ...ack(NOW), audit_head: { count: 2, hash: HASH } }), null);
  assert.is(trust.now(5_000), NOW);
});

test('who repairs a host says by hand that what the hub had said is void', ({ folder }) => {
  const dead = host(folder, { clock: 5_000, passed: 1 });
  assert.is(dead.learnAck(ack(FAR)), null);
  const mended = { clock: NOW, passed: 1 };
  assert.is(host(folder, mended).now(NOW), FAR, 'a clock that is set takes nothing back by itself');
  const file = join(folder, 'trust.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/"hub_time":\d+/, '"hub_time":0'));
  const trust = host(folder, mended);
  assert.is(trust.learnAck(ack(FAR))?.code, 'E_HUB_TIME');
  assert.is(trust.now(NOW), NOW);
});

test('whatever the hub says, it is ahead of a clock that goes by a day at most, and it goes back never', () => {
  const word = fc.oneof(
    fc.maxSafeNat(),
    fc.integer({ min: -9, max: 9 }).map((days) => NOW + days * DAY_MS),
  );
  const move = fc.record({
    said: word,
    passes: fc.integer({ min: 0, max: 3 * DAY_MS }),
    restarts: fc.boolean(),
    fresh: fc.boolean(),
  });
  void fc.assert(
    fc.property(fc.array(move, { maxLength: 30 }), (moves) => {
      const at = { clock: NOW, passed: 1 };
      const open = (believed: number) =>
        new HubTime(
          believed,
          () => at.clock,
          () => at.passed,
        );
      let time = open(0);
      for (const { said, passes, restarts, fresh } of moves) {
        if (restarts) time = open(time.believed);
        const before = time.believed;
        time.hear(said, fresh);
        assert.ok(time.believed >= before);
        at.clock += passes;
        at.passed += passes;
        assert.ok(time.reached <= at.clock + HUB_AHEAD_MS, `${time.reached} at ${at.clock}`);
        assert.not(time.isWrong(at.clock), 'who has the hub’s key makes no clock look wrong');
      }
    }),
  );
});

test.run();
