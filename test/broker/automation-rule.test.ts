import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type AutomationRule, checkRule, openRule, RuleError, signRule } from '../../broker/automation-rule.ts';
import { newKeyPair } from '../../broker/keys.ts';
import type { Roster } from '../../broker/messages.ts';
import { ulid } from '../../broker/ulid.ts';

const DAY_MS = 86_400_000;
const MADE = Date.UTC(2026, 0, 4);
const admin = newKeyPair();
const roster: Roster = {
  site: 'local',
  version: 1,
  epoch: 1,
  hub_key: newKeyPair().public,
  operators: [{ name: 'adm', key: admin.public, role: 'admin', scopes: [] }],
};
const rule: AutomationRule = {
  id: ulid(),
  site: 'local',
  by: 'adm',
  made: MADE,
  not_after: MADE + 30 * DAY_MS,
  confidence: 0.9,
  classes: [],
  hosts: [],
  tags: [],
  windows: [],
  per_host_hour: 4,
};
const asked = { now: MADE, host: 'web-1', tags: [], cause: 'service-failed', confidence: 0.95 };

const refusal = (change: Partial<AutomationRule>, question: Partial<typeof asked> = {}): string => {
  try {
    checkRule({ ...rule, ...change }, { ...asked, ...question });
    return 'covered';
  } catch (error) {
    if (error instanceof RuleError) return error.code;
    throw error;
  }
};

const test = suite('automation rules');

test('a rule is read back as it was signed, and any changed byte of it is refused', () => {
  const signed = signRule(rule, admin);
  assert.equal(openRule(signed, roster), rule);
  void fc.assert(
    fc.property(fc.nat(signed.payload.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const payload = signed.payload.slice();
      payload[at] = (payload[at] ?? 0) ^ flip;
      assert.throws(() => openRule({ ...signed, payload }, roster));
    }),
  );
});

test('a window counts in UTC, on its days, and over midnight by the day on which it began', () => {
  const sunday = MADE;
  const at = (day: number, hour: number) => ({ now: sunday + day * DAY_MS + hour * 3_600_000 });
  const night = { windows: [{ days: [0], from: 22 * 60, to: 4 * 60 }] };
  const seen = [at(0, 21.99), at(0, 22), at(0, 23.5), at(1, 3.9), at(1, 4), at(1, 22), at(0, 3)];
  assert.equal(
    seen.map((one) => refusal(night, one)),
    ['E_RULE_WINDOW', 'covered', 'covered', 'covered', 'E_RULE_WINDOW', 'E_RULE_WINDOW', 'E_RULE_WINDOW'],
  );
  const office = { windows: [{ days: [1, 2, 3, 4, 5], from: 8 * 60, to: 17 * 60 }] };
  assert.equal(
    [at(0, 9), at(1, 7.99), at(1, 8), at(5, 16.99), at(5, 17), at(6, 9)].map((one) => refusal(office, one)),
    ['E_RULE_WINDOW', 'E_RULE_WINDOW', 'covered', 'covered', 'E_RULE_WINDOW', 'E_RULE_WINDOW'],
  );
});

test('no confidence below 0.90 is covered, whatever the rule says, and never one below its own', () => {
  void fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: -1, max: 1, noNaN: true }), (is, asks) => {
      const covered = refusal({ confidence: asks }, { confidence: is }) === 'covered';
      assert.is(covered, is >= Math.max(0.9, asks));
    }),
  );
});

test('it lapses, and after 92 days whatever it says', () => {
  assert.is(refusal({}, { now: rule.not_after - 1 }), 'covered');
  assert.is(refusal({}, { now: rule.not_after }), 'E_RULE_LAPSED');
  assert.is(refusal({ not_after: Number.MAX_SAFE_INTEGER }, { now: MADE + 92 * DAY_MS }), 'E_RULE_LAPSED');
});

test.run();
