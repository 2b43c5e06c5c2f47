import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApproval, openFormer, signApproval } from '../../broker/approvals.ts';
import { openLift, signLift } from '../../broker/halts.ts';
import { newKeyPair } from '../../broker/keys.ts';
import type { Roster } from '../../broker/messages.ts';
import { fingerprintOf, readOperatorKey, sshLineOf } from '../../broker/operator-key.ts';
import { openRoster, sealRoster } from '../../broker/roster.ts';
import { withKey, withOperator, withoutOperator } from '../../broker/roster-change.ts';
import { ceilingOf, covers, isWithin, SCOPE } from '../../broker/scopes.ts';
import * as samples from './samples.ts';

const test = suite('operators');
const code = (expected: string) => (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === expected;
const keys = { ann: newKeyPair(), bob: newKeyPair(), hub: newKeyPair(), old: newKeyPair() };
const before: Roster = {
  ...samples.roster,
  hub_key: keys.hub.public,
  retired: [keys.old.public],
  operators: [{ name: 'ann', key: keys.ann.public, role: 'admin', scopes: [] }],
};
const bob = { name: 'bob', key: keys.bob.public, role: 'approver' as const, scopes: [] };
const NOW = samples.approval.not_after - 1;
const byBob = { ...samples.approval, by: 'bob', role: 'approver' as const };

test('one is added, has another key, is taken off: each a version later, and every key stays readable', () => {
  const root = newKeyPair();
  const next = newKeyPair();
  const added = withOperator(before, bob);
  const rotated = withKey(added, 'bob', next.public);
  const revoked = withoutOperator(rotated, 'bob');
  assert.equal(
    [added.version, rotated.version, revoked.version],
    [1, 2, 3].map((one) => before.version + one),
  );
  assert.equal(openRoster(sealRoster(revoked, root), root.public), revoked, 'it travels whole');
  assert.equal(revoked.operators, before.operators);
  assert.equal(revoked.former, [
    { name: 'bob', key: keys.bob.public, role: 'approver', until: added.version },
    { name: 'bob', key: next.public, role: 'approver', until: rotated.version },
  ]);
  const [first, second] = [signApproval(byBob, keys.bob), signApproval(byBob, next)];
  openApproval(first, added, NOW);
  assert.throws(() => openApproval(first, rotated, NOW), code('E_SIGNATURE'), 'the key before counts no more');
  openApproval(second, rotated, NOW);
  for (const signed of [first, second]) {
    assert.throws(() => openApproval(signed, revoked, NOW), code('E_APPROVAL_OPERATOR'));
    assert.is(openFormer(signed, revoked).by, 'bob');
  }
  assert.throws(() => openFormer(signApproval(byBob, keys.ann), revoked), code('E_SIGNATURE'));
  assert.throws(() => openFormer(first, before), code('E_APPROVAL_OPERATOR'), 'nobody who never was on the roster');
});

test('refused: a second of the name, a key that is or was anyone’s, no such name, the last admin', () => {
  const left = withoutOperator(withOperator(before, bob), 'bob');
  const fresh = newKeyPair().public;
  const refusals: readonly (readonly [string, () => unknown])[] = [
    ['E_OPERATOR_KNOWN', () => withOperator(before, { ...bob, name: 'ann' })],
    ['E_OPERATOR_NAME', () => withOperator(before, { ...bob, name: 'hub' })],
    ['E_OPERATOR_KEY_KNOWN', () => withOperator(before, { ...bob, key: keys.ann.public })],
    ['E_OPERATOR_KEY_KNOWN', () => withOperator(before, { ...bob, key: keys.hub.public })],
    ['E_OPERATOR_KEY_KNOWN', () => withOperator(before, { ...bob, key: keys.old.public })],
    ['E_OPERATOR_KEY_KNOWN', () => withOperator(left, bob)],
    ['E_OPERATOR_KEY_KNOWN', () => withKey(before, 'ann', keys.ann.public)],
    ['E_OPERATOR_UNKNOWN', () => withKey(before, 'bob', fresh)],
    ['E_OPERATOR_UNKNOWN', () => withoutOperator(before, 'bob')],
    ['E_OPERATOR_LAST_ADMIN', () => withoutOperator(withOperator(before, bob), 'ann')],
  ];
  for (const [expected, act] of refusals) assert.throws(act, code(expected), expected);
  assert.is(withOperator(left, { ...bob, key: fresh }).operators.length, 2, 'who comes back has a new key');
});

test('a scope is a host or a tag; what is not known covers nothing, and no scope covers all', () => {
  const rows: readonly (readonly [readonly string[], readonly string[] | null, boolean])[] = [
    [[], null, true],
    [['host:web-1'], null, true],
    [['host:web'], ['web'], false],
    [['host:db-1', 'tag:role=web'], ['role=web'], true],
    [['tag:web'], ['web'], true],
    [['tag:web'], ['role=web'], false],
    [['tag:web'], null, false],
    [['web-1'], ['web-1'], false],
    [['effect:read'], ['effect:read'], true],
    [['effect:read', 'host:db-1'], ['effect:read'], false],
    [['region:north'], ['region:north'], false],
  ];
  for (const [scopes, tags, expected] of rows)
    assert.is(covers({ scopes }, 'web-1', tags), expected, `${scopes} ${tags}`);
  for (const good of ['host:web-1', 'tag:web', 'tag:role=web', 'effect:read', 'effect:destroy'])
    assert.ok(SCOPE.test(good), good);
  for (const bad of ['web-1', 'host:', 'host:*', 'tag:', 'tag:a b', 'effect:breach', 'effect:', 'host:web-1\n'])
    assert.not(SCOPE.test(bad), bad);
});

test('a ceiling is the lowest that any of the signers has; an effect of a later version is below all', () => {
  const rows: readonly (readonly [readonly (readonly string[])[], string | null])[] = [
    [[[]], 'breach'],
    [[['host:web-1']], 'breach'],
    [[['effect:restart']], 'restart'],
    [[['effect:destroy', 'tag:web'], ['effect:change']], 'change'],
    [[['effect:read'], []], 'read'],
    [[['effect:reboot']], null],
  ];
  for (const [operators, expected] of rows)
    assert.is(ceilingOf(operators.map((scopes) => ({ scopes }))), expected, JSON.stringify(operators));
  assert.equal(
    [
      isWithin('restart', 'restart'),
      isWithin('change', 'restart'),
      isWithin('read', null),
      isWithin('breach', 'breach'),
    ],
    [true, false, false, true],
  );
});

test('an approval is for a host that is its signer’s to act on, by the tags that are known', () => {
  const signed = signApproval(byBob, keys.bob);
  const kept = (...scopes: string[]) => withOperator(before, { ...bob, scopes });
  openApproval(signed, kept(`host:${byBob.host}`), NOW);
  openApproval(signed, kept('host:elsewhere', 'tag:web'), NOW, ['web']);
  for (const tags of [null, [], ['db']])
    assert.throws(() => openApproval(signed, kept('host:elsewhere', 'tag:web'), NOW, tags), code('E_APPROVAL_SCOPE'));
  openApproval(signed, kept('host:elsewhere'), null);
});

test('an admin who is kept to some hosts lifts no halt of the site', () => {
  const lift = signLift({ site: before.site, counter: 1, by: 'cid' }, keys.bob);
  const cid = { name: 'cid', key: keys.bob.public, role: 'admin' as const, scopes: [] };
  assert.is(openLift(lift, withOperator(before, cid)).by, 'cid');
  const kept = withOperator(before, { ...cid, scopes: ['host:web-1'] });
  assert.throws(() => openLift(lift, kept), code('E_SIGNATURE'));
});

test('a public key is read as OpenSSH writes it and as PEM; nothing else is, and a private key is sent back', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const raw = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
  assert.equal(readOperatorKey(pem), { key: raw });
  for (const line of [sshLineOf(raw), `${sshLineOf(raw)} ann@plant-7\n`, `# ann's\n${sshLineOf(raw)}\r\n`])
    assert.equal(readOperatorKey(line), { key: raw }, line);
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'pem', type: 'spki' });
  const short = Buffer.from(sshLineOf(raw).split(' ')[1] ?? '', 'base64')
    .subarray(0, -1)
    .toString('base64');
  for (const [text, why] of [
    [privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), /stays with its operator/],
    [rsa.toString(), /no Ed25519/],
    [`${sshLineOf(raw)}\n${sshLineOf(raw)}`, /2 lines/],
    [sshLineOf(raw).replace('ssh-ed25519', 'ssh-rsa'), /no Ed25519/],
    [`ssh-ed25519 ${short}`, /no Ed25519/],
    [sshLineOf(raw).replace('ssh-ed25519', 'sk-ssh-ed25519@openssh.com'), /no Ed25519/],
    [sshLineOf(raw, 'ssh:').replace('sk-ssh-ed25519@openssh.com', 'ssh-ed25519'), /no Ed25519/],
    [sshLineOf(raw, 'https://site.example'), /not for SSH/],
    ['', /0 lines/],
    ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', /can be read/],
  ] as const) {
    assert.throws(
      () => readOperatorKey(text),
      (error: Error) => code('E_KEY_FILE')(error) && why.test(error.message),
      String(why),
    );
  }
  assert.match(fingerprintOf(raw), /^SHA256:[A-Za-z0-9+/]{43}$/);
});

test('whatever a key file holds, it is a key of 32 bytes or a refusal with its code', () => {
  const line = sshLineOf(newKeyPair().public);
  const texts = fc.oneof(
    fc.string({ maxLength: 200 }),
    fc.uint8Array({ maxLength: 80 }).map((bytes) => `ssh-ed25519 ${Buffer.from(bytes).toString('base64')}`),
    fc
      .tuple(fc.nat(line.length - 1), fc.string({ minLength: 1, maxLength: 1 }))
      .map(([at, one]) => line.slice(0, at) + one + line.slice(at + 1)),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        assert.is(readOperatorKey(text).key.length, 32);
      } catch (error) {
        assert.ok(code('E_KEY_FILE')(error), String(error));
      }
    }),
  );
});

test.run();
