import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Incident } from '../../hub/incident.ts';
import {
  type Consent,
  type ConsentOutcome,
  consentKeys,
  consentMeets,
  consentShown,
  HAND_MS,
  isWide,
  openConsent,
  openPlain,
  SETTLE_MS,
  whyNotApprovable,
  wouldRun,
} from '../../tui/consent.ts';
import type { Key } from '../../tui/keys.ts';
import { whyNotLater, withLater } from '../../tui/later.ts';
import { command, DESTROYER, FIRST, INCIDENT, NOW, PLAN, STATE } from './recorded.ts';
import { recordedRule } from './recorded-shelf.ts';

const test = suite('consent');

const key = (name: string): Key => ({ type: 'key', name });
const LATER = 1_000;

/** Opens the dialog, shows all of it, and presses keys one by one at a human pace. */
function answer(incident: Incident, names: readonly string[], act: 'approve' | 'reject' = 'approve'): ConsentOutcome {
  let consent = consentShown(openConsent(act, incident, NOW), 10, 20);
  let now = NOW;
  for (const name of names) {
    now += LATER;
    const outcome = consentKeys(consent, [key(name)], now);
    if (outcome.type !== 'open') return outcome;
    consent = outcome.consent;
  }
  return { type: 'open', consent };
}
const noteOf = (outcome: ConsentOutcome) => (outcome.type === 'open' ? outcome.consent.note : outcome.type);

test('y approves the steps before the first review, and consents to none', () => {
  assert.equal(answer(INCIDENT, ['y']), {
    type: 'approved',
    planHash: INCIDENT.plan_hash,
    reviewed: [],
    through: 2,
    rule: null,
  });
  assert.equal(answer(INCIDENT, ['3', 'y']), {
    type: 'approved',
    planHash: INCIDENT.plan_hash,
    reviewed: [],
    through: 2,
    rule: null,
  });
});

test('a digit includes a review step, Y approves with what was included', () => {
  assert.equal(answer(INCIDENT, ['3', 'Y']), {
    type: 'approved',
    planHash: INCIDENT.plan_hash,
    reviewed: [3],
    through: 3,
    rule: null,
  });
  assert.equal(answer(INCIDENT, ['3', '3', 'Y']), {
    type: 'approved',
    planHash: INCIDENT.plan_hash,
    reviewed: [],
    through: 2,
    rule: null,
  });
  assert.match(noteOf(answer(INCIDENT, ['1'])), /needs no consent/);
  assert.match(noteOf(answer(INCIDENT, ['7'])), /no step 7/);
});

test('a plan that begins with a review step runs nothing on y', () => {
  const first = {
    ...INCIDENT,
    plan: { ...PLAN, steps: [command(1, 'chown a /b', 'review', 'change'), command(2, 'df')] },
  };
  assert.match(noteOf(answer(first, ['y'])), /include step 1 first/);
  assert.equal(answer(first, ['1', 'Y']), {
    type: 'approved',
    planHash: INCIDENT.plan_hash,
    reviewed: [1],
    through: 2,
    rule: null,
  });
});

test('a destroying plan wants the name of the host, and then Y', () => {
  assert.ok(DESTROYER.plan !== null && isWide(DESTROYER.plan));
  const name = [...DESTROYER.host];
  assert.is(answer(DESTROYER, ['2', 'y']).type, 'open');
  assert.is(answer(DESTROYER, ['2', 'Y', 'y']).type, 'open');
  assert.is(answer(DESTROYER, ['2', 'y', ...name]).type, 'open', 'the name alone approves nothing');
  assert.match(noteOf(answer(DESTROYER, ['2', 'y', ...name.slice(1), 'Y'])), /not the name/);
  assert.equal(answer(DESTROYER, ['2', 'y', ...name, 'x', 'backspace', 'Y']), {
    type: 'approved',
    planHash: DESTROYER.plan_hash,
    reviewed: [2],
    through: 2,
    rule: null,
  });
});

test('effects and risk that make a plan wide, its rollback included', () => {
  assert.not.ok(isWide(PLAN));
  assert.ok(isWide({ ...PLAN, risk: 'high' }));
  assert.ok(isWide({ ...PLAN, rollback: [command(3, 'rm x', 'review', 'destroy', { phase: 'rollback' })] }));
  assert.ok(isWide({ ...PLAN, steps: [command(1, 'x', 'review', 'breach')] }));
});

test("what can't be approved says why", () => {
  const plan = (change: Partial<typeof PLAN>) => ({ ...INCIDENT, plan: { ...PLAN, ...change } });
  assert.is(whyNotApprovable(INCIDENT, NOW), undefined);
  assert.match(
    whyNotApprovable(plan({ steps: [command(1, 'rm -rf /', 'block', 'destroy')] }), NOW) ?? '',
    /blocks step 1/,
  );
  assert.match(whyNotApprovable(plan({ rollback: [command(1, 'x', 'block')] }), NOW) ?? '', /blocks/);
  assert.match(whyNotApprovable(plan({ decision: 'block' }), NOW) ?? '', /blocks this plan/);
  assert.match(whyNotApprovable(plan({ post: [command(1, 'x', 'review')] }), NOW) ?? '', /check 1/);
  assert.match(whyNotApprovable(plan({ steps: [] }), NOW) ?? '', /no step/);
  assert.match(whyNotApprovable(INCIDENT, PLAN.expires) ?? '', /expired/);
  assert.match(whyNotApprovable({ ...INCIDENT, state: 'executing' }, NOW) ?? '', /executing/);
  assert.match(whyNotApprovable({ ...INCIDENT, plan: null }, NOW) ?? '', /no plan/);
});

test('reject asks too, and Enter keeps the plan', () => {
  assert.equal(answer(INCIDENT, ['y'], 'reject'), { type: 'rejected' });
  assert.equal(answer(INCIDENT, ['enter'], 'reject'), { type: 'closed', why: 'denied' });
  assert.is(answer(INCIDENT, ['Y'], 'reject').type, 'open');
});

test('a plan that changed underneath is never approved: the next key closes', () => {
  const open = consentShown(openConsent('approve', INCIDENT, NOW), 10, 20);
  for (const other of [
    undefined,
    { ...INCIDENT, plan_hash: 'f'.repeat(64) },
    { ...INCIDENT, state: 'approved' as const },
  ]) {
    const met = consentMeets(open, other);
    assert.ok(met.stale);
    assert.equal(consentKeys(met, [key('y')], NOW + LATER), { type: 'closed', why: 'stale' });
  }
  assert.is(consentMeets(open, { ...INCIDENT, repeats: 9 }), open);
});

test('a plan whose end was not shown is not approved until it was', () => {
  const long = consentShown(openConsent('approve', INCIDENT, NOW), 30, 10);
  assert.not.ok(long.read);
  const early = consentKeys(long, [key('y')], NOW + LATER);
  assert.match(noteOf(early), /read to the end/);
  const down = consentKeys(long, [key('page-down')], NOW + LATER);
  assert.ok(down.type === 'open');
  const middle = consentShown(down.consent, 30, 10);
  const end = consentKeys(middle, [key('page-down')], NOW + 2 * LATER);
  assert.ok(end.type === 'open');
  assert.is(consentKeys(consentShown(end.consent, 30, 10), [key('y')], NOW + 3 * LATER).type, 'approved');
});

/** The dialog with what was asked for in it, and all of it on the screen. */
function seenLater(
  incident: Incident,
  { consent, asked }: Extract<ConsentOutcome, { type: 'later' }>,
  now: number,
): Consent {
  const model = { incident, now, shelf: { rememberable: recordedRule }, desk: STATE };
  return consentShown(withLater(model, consent, asked), 10, 20);
}

/** Presses keys at a human pace on a dialog that takes what is remembered from the recorded desk. */
function keep(names: readonly string[], incident: Incident = INCIDENT): ConsentOutcome {
  let consent = consentShown(openConsent('approve', incident, NOW), 10, 20);
  let now = NOW;
  for (const name of names) {
    now += LATER;
    const outcome = consentKeys(consent, [key(name)], now);
    if (outcome.type === 'later') consent = seenLater(incident, outcome, now);
    else if (outcome.type === 'open') consent = outcome.consent;
    else return outcome;
  }
  return { type: 'open', consent };
}

test('m has the whole plan remembered, for the days and hosts that are shown, and only with an approval of all of it', () => {
  const kept = keep(['m', '3', 'Y']);
  assert.ok(kept.type === 'approved' && kept.rule !== null);
  assert.equal([kept.reviewed, kept.through], [[3], 3]);
  const { rule } = kept;
  assert.equal([rule.hosts, rule.reviewed, rule.incident], [[INCIDENT.host], [3], INCIDENT.id]);
  const days = (outcome: ConsentOutcome) => (outcome.type === 'open' ? outcome.consent.later?.days : undefined);
  assert.equal(
    [['m'], ['m', '+'], ['m', '+', '+', '+', '+'], ['m', '-', '-', '-', '-'], ['m', 'm'], ['+']].map((keys) =>
      days(keep(keys)),
    ),
    [7, 14, 31, 1, undefined, undefined],
  );
  assert.match(noteOf(keep(['m', 'y'])), /include step 3, then Y/);
  assert.match(noteOf(keep(['m', 'Y'])), /include step 3, then Y/);
  assert.equal(keep(['m', 'm', 'y']), answer(INCIDENT, ['y']), 'put off again it is an approval as ever');
  for (const name of ['enter', 'escape']) assert.equal(keep(['m', '3', name]), { type: 'closed', why: 'denied' });
});

test('the group of a host is named host by host; a host of no group has none', () => {
  const grouped = keep(['m', 'g'], { ...INCIDENT, host: 'edge-07' });
  assert.ok(grouped.type === 'open');
  assert.equal(grouped.consent.later?.rule.hosts, ['edge-07', 'edge-03']);
  for (const host of [INCIDENT.host, 'nobody'])
    assert.match(noteOf(keep(['m', 'g'], { ...INCIDENT, host })), /no other host is in the group of/);
});

test('what is remembered is shown anew before anything counts, and what can’t be says why', () => {
  const opened = consentShown(openConsent('approve', INCIDENT, NOW), 10, 20);
  const asked = consentKeys(opened, [key('m')], NOW + LATER);
  assert.ok(asked.type === 'later');
  const model = { incident: INCIDENT, now: NOW + LATER, shelf: { rememberable: recordedRule }, desk: STATE };
  const put = withLater(model, asked.consent, asked.asked);
  assert.not.ok(put.read);
  assert.is(consentKeys(put, [key('3')], NOW + LATER + SETTLE_MS - 1).type, 'open');
  assert.match(noteOf(consentKeys(put, [key('Y')], NOW + 2 * LATER)), /read to the end/);
  const once = consentShown(openConsent('approve', INCIDENT, NOW, 'the playbook may not be run twice'), 10, 20);
  assert.match(noteOf(consentKeys(once, [key('m')], NOW + LATER)), /for once only: the playbook may not be run twice/);
  assert.is(whyNotLater({ incident: INCIDENT, shelf: { rememberable: recordedRule } }), '');
  const sure = { ...INCIDENT, plan: { ...PLAN, confidence: 0.7 } };
  assert.match(whyNotLater({ incident: sure, shelf: { rememberable: recordedRule } }), /^its confidence is 0.70/);
});

test('of a rule that changed at its end the changed rows are shown before it counts', () => {
  const model = { incident: INCIDENT, now: NOW + LATER, shelf: { rememberable: recordedRule }, desk: STATE };
  const asked = { days: 7, isGroup: false };
  const first = withLater(model, consentShown(openConsent('approve', INCIDENT, NOW), 10, 20), asked);
  const atEnd = consentShown({ ...first, scroll: 20 }, 30, 10);
  assert.ok(atEnd.read);
  const longer = consentShown(withLater(model, atEnd, { ...asked, days: 14 }), 30, 10);
  assert.equal([longer.later?.days, longer.scroll, longer.read], [14, 0, false]);
});

const anyKey: fc.Arbitrary<Key> = fc.oneof(
  fc
    .constantFrom('y', 'Y', '1', '2', '3', 'm', '+', 'enter', 'escape', 'a', 'backspace', 'space', 'j', 'k', 'unknown')
    .map(key),
  fc.constantFrom(...new Set(DESTROYER.host)).map(key),
  fc.string({ maxLength: 8 }).map((text): Key => ({ type: 'paste', text })),
);
const anyIncident = fc.constantFrom(INCIDENT, DESTROYER, {
  ...INCIDENT,
  plan: { ...PLAN, steps: [command(1, 'df'), command(2, 'x', 'block', 'breach')] },
});
const moment = fc.oneof(
  fc.record({ chunk: fc.array(anyKey, { minLength: 1, maxLength: 3 }), wait: fc.nat(800) }),
  // What a hand presses that knows the dialog: chance alone seldom has a plan approved and remembered.
  fc.record({
    chunk: fc.constantFrom('m', '+', '3', 'Y').map((name) => [key(name)]),
    wait: fc.integer({ min: SETTLE_MS, max: 800 }),
  }),
);

test('whatever is typed: the guards hold', () => {
  let approvals = 0;
  let remembered = 0;
  void fc.assert(
    fc.property(anyIncident, fc.array(moment, { maxLength: 40 }), fc.boolean(), (incident, moments, seen) => {
      const opened = openConsent('approve', incident, NOW);
      let consent = seen ? consentShown(opened, 1, 9) : opened;
      let now = NOW;
      for (const { chunk, wait } of moments) {
        now += wait;
        const before = consent;
        const outcome = consentKeys(consent, chunk, now);
        if (outcome.type === 'open') {
          consent = outcome.consent;
          continue;
        }
        if (outcome.type === 'later') {
          consent = seenLater(incident, outcome, now);
          continue;
        }
        if (outcome.type !== 'approved') return;
        approvals++;
        if (outcome.rule !== null) remembered++;
        const [only] = chunk;
        assert.is(chunk.length, 1, 'several keys never consent');
        assert.ok(only?.type === 'key' && (only.name === 'y' || only.name === 'Y'), 'only y and Y approve');
        assert.ok(now - NOW >= SETTLE_MS, 'nothing counts so soon');
        assert.ok(now - before.lastKey >= HAND_MS, 'nothing counts that fast');
        assert.ok(before.read, 'what was not shown is not approved');
        assert.not.ok(before.stale);
        assert.is(outcome.planHash, incident.plan_hash);
        assert.ok(
          opened.steps.every((step) => step.decision !== 'block'),
          'block is final',
        );
        for (const number of outcome.reviewed) assert.ok(before.included.includes(number), 'each was included');
        assert.is(wouldRun(opened.steps, outcome.reviewed).at(-1), outcome.through);
        if (only.name === 'y') assert.equal(outcome.reviewed, []);
        assert.is(outcome.rule, before.later?.rule ?? null, 'just what was shown is signed for later');
        if (outcome.rule !== null) assert.equal(outcome.reviewed, outcome.rule.reviewed, 'and all of it is approved');
        if (incident === DESTROYER) assert.is(before.typed, incident.host, 'the name was typed');
        return;
      }
    }),
    { numRuns: 12_000 },
  );
  assert.ok(approvals > 20, `the property met ${approvals} approvals`);
  assert.ok(remembered > 0, 'and some that are remembered');
});

test('Enter and Escape always deny once the dialog has settled', () => {
  void fc.assert(
    fc.property(anyIncident, fc.constantFrom('enter', 'escape'), fc.boolean(), (incident, name, reject) => {
      const consent = openConsent(reject ? 'reject' : 'approve', incident, NOW);
      assert.equal(consentKeys(consent, [key(name)], NOW + SETTLE_MS), { type: 'closed', why: 'denied' });
      assert.is(consentKeys(consent, [key(name)], NOW + SETTLE_MS - 1).type, 'open');
    }),
  );
});

test('a dialog that opened before another person approved is stale: with its own approval the plan would run', () => {
  const first = { ...FIRST, plan_hash: INCIDENT.plan_hash ?? '' };
  const opened = openConsent('approve', INCIDENT, NOW);
  assert.not(consentMeets(opened, INCIDENT).stale);
  assert.ok(consentMeets(opened, { ...INCIDENT, first }).stale);
  const after = openConsent('approve', { ...INCIDENT, first }, NOW);
  assert.not(consentMeets(after, { ...INCIDENT, first }).stale);
  assert.ok(consentMeets(after, INCIDENT).stale, 'it has lapsed meanwhile');
  assert.ok(consentMeets(after, { ...INCIDENT, first: { ...first, id: 'another' } }).stale);
});

for (const [act, type] of [
  ['halt', 'halted'],
  ['revoke', 'revoked'],
] as const)
  test(`${act} asks once: y and nothing else does it, by one hand and one key`, () => {
    const opened = openPlain(act, 'plant3', NOW);
    const after = (names: readonly Key[], at = NOW + LATER) => consentKeys(opened, names, at);
    assert.equal(after([key('y')]), { type });
    assert.is(after([key('y')], NOW + SETTLE_MS - 1).type, 'open', 'a key that was under way');
    for (const name of ['enter', 'escape']) assert.equal(after([key(name)]), { type: 'closed', why: 'denied' });
    for (const chunk of [[key('Y')], [key('H')], [key('y'), key('y')], [{ type: 'paste' as const, text: 'y' }]])
      assert.is(after(chunk).type, 'open');
    assert.is(consentMeets(opened, undefined), opened, 'it is about no incident, and does not go stale with one');
  });

test.run();
