import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApproval, type Signed, signApproval } from '../../broker/approvals.ts';
import { encodeCbor } from '../../broker/cbor.ts';
import { type KeyPair, newKeyPair } from '../../broker/keys.ts';
import type { Roster } from '../../broker/messages.ts';
import { openRoster, sealRoster } from '../../broker/roster.ts';
import { withOperator, withoutOperator, withTwoPerson } from '../../broker/roster-change.ts';
import { NAMESPACES, type Namespace, sshSign } from '../../broker/sshsig.ts';
import { needsTwo, openDecision, type Second, secondOf } from '../../broker/two-person.ts';
import * as samples from './samples.ts';

const test = suite('two persons');
const code = (expected: string) => (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === expected;
const keys = { ann: newKeyPair(), bob: newKeyPair(), vic: newKeyPair(), hub: newKeyPair() };
const roster: Roster = {
  ...samples.roster,
  hub_key: keys.hub.public,
  operators: [
    { name: 'ann', key: keys.ann.public, role: 'admin', scopes: [] },
    { name: 'bob', key: keys.bob.public, role: 'approver', scopes: [] },
    { name: 'vic', key: keys.vic.public, role: 'viewer', scopes: [] },
  ],
  two_person: [{ where: '*', plans: 'all' }],
};
const approval = { ...samples.approval, by: 'ann', role: 'admin' as const };
const NOW = approval.not_after - 1_000;
const first = signApproval(approval, keys.ann);
const agreed = (change: Partial<Second> = {}, key: KeyPair = keys.bob, namespace: Namespace = NAMESPACES.second) => {
  const signer = { by: 'bob', role: 'approver' as const, not_after: NOW + 1 };
  const payload = encodeCbor({ ...secondOf(first, approval, signer), ...change });
  return { payload, signature: sshSign(payload, namespace, key) };
};

test('where two must agree one is not enough; two are, and both must hold', () => {
  assert.throws(() => openDecision(first, roster, NOW), code('E_APPROVAL_SECOND'));
  assert.equal(openDecision({ ...first, second: agreed() }, roster, NOW), approval);
  assert.throws(() => openDecision({ ...first, second: agreed() }, roster, NOW + 1), code('E_APPROVAL_EXPIRED'));
  assert.throws(
    () => openDecision({ ...first, second: agreed({ not_after: NOW + 9_999 }) }, roster, NOW + 1_000),
    code('E_APPROVAL_EXPIRED'),
    'the first has lapsed',
  );
  openDecision(first, roster, null);
});

const REFUSED: Readonly<Record<string, readonly [string, Signed, Roster?]>> = {
  'the same person again': ['E_APPROVAL_SECOND', agreed({ by: 'ann', role: 'admin' }, keys.ann)],
  'the first one’s key under another name': [
    'E_APPROVAL_SECOND',
    agreed({}, keys.ann),
    {
      ...roster,
      operators: roster.operators.map((one) => (one.name === 'bob' ? { ...one, key: keys.ann.public } : one)),
    },
  ],
  'a key that is not theirs': ['E_SIGNATURE', agreed({}, keys.vic)],
  'the hub’s key': ['E_SIGNATURE', agreed({}, keys.hub)],
  'a signature that is for approvals': ['E_SIGNATURE', agreed({}, keys.bob, NAMESPACES.approval)],
  'who may only look': ['E_APPROVAL_ROLE', agreed({ by: 'vic' }, keys.vic)],
  'a role that they do not have': ['E_APPROVAL_ROLE', agreed({ role: 'admin' })],
  'who is not on the roster': ['E_APPROVAL_OPERATOR', agreed({ by: 'eve' })],
  'who was taken off it': ['E_APPROVAL_OPERATOR', agreed(), withoutOperator(roster, 'bob')],
  'who may act elsewhere alone': [
    'E_APPROVAL_SCOPE',
    agreed(),
    {
      ...roster,
      operators: roster.operators.map((one) => (one.name === 'bob' ? { ...one, scopes: ['host:db-1'] } : one)),
    },
  ],
  'agreement to another approval': ['E_APPROVAL_SECOND', agreed({ approval: 'ab'.repeat(32) })],
  'agreement for another host': ['E_APPROVAL_SECOND', agreed({ host: 'db-1' })],
  'agreement for another site': ['E_APPROVAL_SECOND', agreed({ site: 'plant-8' })],
};
for (const [what, [expected, second, by = roster]] of Object.entries(REFUSED)) {
  test(`the second is not ${what}`, () => {
    assert.throws(() => openDecision({ ...first, second }, by, NOW), code(expected));
  });
}

test('what the second signed does for no first approval, so that two persons’ word runs a plan once', () => {
  assert.throws(() => openApproval(agreed(), roster, NOW));
  const swapped = { ...signApproval({ ...approval, by: 'bob', role: 'approver' }, keys.bob), second: agreed() };
  assert.throws(() => openDecision(swapped, roster, NOW), code('E_APPROVAL_SECOND'));
});

test('a bad second spoils an approval that would do alone, and who has left did agree once', () => {
  const { two_person: _, ...alone } = roster;
  openDecision(first, alone, NOW);
  assert.throws(() => openDecision({ ...first, second: agreed({}, keys.vic) }, alone, NOW), code('E_SIGNATURE'));
  const left = withoutOperator(roster, 'bob');
  openDecision({ ...first, second: agreed() }, left, null);
  assert.throws(() => openDecision({ ...first, second: agreed({}, keys.vic) }, left, null), code('E_SIGNATURE'));
});

test('the rule is for hosts and for plans that consent; what is not known is held to it', () => {
  type Row = readonly [string, 'review' | 'all', readonly number[], readonly string[] | null, boolean];
  const rows: readonly Row[] = [
    ['*', 'all', [], [], true],
    ['*', 'review', [], [], false],
    ['*', 'review', [2], [], true],
    ['host:web-1', 'all', [], null, true],
    ['host:web', 'all', [], null, false],
    ['tag:safety', 'all', [], ['safety', 'line=4'], true],
    ['tag:line=4', 'review', [1], ['safety', 'line=4'], true],
    ['tag:safety', 'all', [], ['web'], false],
    ['tag:safety', 'all', [], null, true],
    ['region:north', 'all', [], ['web'], true],
  ];
  for (const [where, plans, reviewed, tags, expected] of rows) {
    const two_person = [{ where, plans }];
    assert.is(needsTwo({ two_person }, { host: 'web-1', reviewed }, tags), expected, `${where} ${plans} ${tags}`);
  }
  assert.not(needsTwo({}, { host: 'web-1', reviewed: [1] }, null));
});

test('the roster takes the rule on and off, and not where there are no two who could agree', () => {
  const root = newKeyPair();
  const { two_person: _, ...none } = roster;
  const some = withTwoPerson(withTwoPerson(none, ['tag:safety', 'host:db-1'], 'all'), ['tag:safety'], 'review');
  assert.equal(some.two_person, [
    { where: 'host:db-1', plans: 'all' },
    { where: 'tag:safety', plans: 'review' },
  ]);
  assert.equal(openRoster(sealRoster(some, root), root.public), some, 'it travels whole');
  const off = withTwoPerson(some, ['host:db-1', 'tag:safety'], null);
  assert.equal([off.version, off.two_person], [none.version + 3, undefined]);
  assert.throws(() => withTwoPerson(withoutOperator(none, 'bob'), ['*'], 'review'), code('E_OPERATOR_TWO'));
  assert.is(
    withOperator(some, { name: 'cid', key: keys.hub.public.map((b) => b ^ 1), role: 'viewer', scopes: [] }).two_person
      ?.length,
    2,
  );
  let full: Roster = none;
  for (let i = 0; i < 32; i++) full = withTwoPerson(full, [`host:h${i}`], 'all');
  assert.throws(() => withTwoPerson(full, ['host:one-more'], 'all'), code('E_OPERATOR_FULL'));
});

test.run();
