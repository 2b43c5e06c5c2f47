import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApproval, signApproval } from '../../broker/approvals.ts';
import { encodeCbor } from '../../broker/cbor.ts';
import { newKeyPair } from '../../broker/keys.ts';
import type { Approval, Roster } from '../../broker/messages.ts';
import { openRoster, sealRoster } from '../../broker/roster.ts';
import { seal } from '../../broker/signed.ts';
import * as samples from './samples.ts';

const test = suite('roster and approvals');
const root = newKeyPair();
const keys = { ann: newKeyPair(), bob: newKeyPair(), eve: newKeyPair() };
const NOW = samples.approval.not_after - 1;
const roster: Roster = {
  ...samples.roster,
  operators: [
    { name: 'ann', key: keys.ann.public, role: 'approver', scopes: [] },
    { name: 'bob', key: keys.bob.public, role: 'viewer', scopes: [] },
  ],
};
const code = (expected: string) => (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === expected;

test('a roster opens under its root, at its version or above the known one', () => {
  const message = sealRoster(roster, root);
  assert.equal(openRoster(message, root.public), roster);
  assert.equal(openRoster(message, root.public, roster.version), roster);
  assert.throws(() => openRoster(message, root.public, roster.version + 1), code('E_ROSTER_OLD'));
  assert.throws(() => openRoster(message, newKeyPair().public), code('E_SIGNATURE'));
});

test('a roster that the hub or an operator signed, or signed as something else, is none', () => {
  assert.throws(() => openRoster(sealRoster(roster, keys.ann), root.public), code('E_SIGNATURE'));
  assert.throws(() => openRoster(seal('checkpoint', encodeCbor(roster), root), root.public), code('E_SIGNATURE'));
});

test('an approval by an operator who may is opened as it was signed', () => {
  assert.equal(openApproval(signApproval(samples.approval, keys.ann), roster, NOW), samples.approval);
});

const approvals: Readonly<Record<string, readonly [Approval, keyof typeof keys, string]>> = {
  'by a name that is not on the roster': [{ ...samples.approval, by: 'eve' }, 'eve', 'E_APPROVAL_OPERATOR'],
  'by a key that is not on the roster': [samples.approval, 'eve', 'E_SIGNATURE'],
  'by another operator’s key': [samples.approval, 'bob', 'E_SIGNATURE'],
  'by a viewer': [{ ...samples.approval, by: 'bob' }, 'bob', 'E_APPROVAL_ROLE'],
  'with a role that its signer does not have': [{ ...samples.approval, role: 'admin' }, 'ann', 'E_APPROVAL_ROLE'],
  'for another site': [{ ...samples.approval, site: 'elsewhere' }, 'ann', 'E_APPROVAL_SITE'],
};
for (const [what, [approval, by, expected]] of Object.entries(approvals)) {
  test(`an approval ${what} is refused`, () => {
    assert.throws(() => openApproval(signApproval(approval, keys[by]), roster, NOW), code(expected));
  });
}

test('an approval lapses at its time, and not before; where nobody asks for the time it holds', () => {
  const signed = signApproval(samples.approval, keys.ann);
  assert.throws(() => openApproval(signed, roster, NOW + 1), code('E_APPROVAL_EXPIRED'));
  openApproval(signed, roster, NOW);
  openApproval(signed, roster, null);
});

test('an approval with one byte changed is refused, whatever it then says', () => {
  const { payload, signature } = signApproval(samples.approval, keys.ann);
  for (let at = 0; at < payload.length; at++) {
    const changed = payload.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.throws(() => openApproval({ payload: changed, signature }, roster, NOW));
  }
});

test('what was signed counts, not what it could be encoded to: a longer form of the same approval is another', () => {
  const { payload, signature } = signApproval(samples.approval, keys.ann);
  const reencoded = encodeCbor({ ...samples.approval, extra: 1 });
  assert.throws(() => openApproval({ payload: reencoded, signature }, roster, NOW), code('E_SIGNATURE'));
  assert.is(openApproval({ payload, signature }, roster, NOW).id, samples.approval.id);
});

test.run();
