import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApproval, openFormer } from '../../broker/approvals.ts';
import { encodeCbor } from '../../broker/cbor.ts';
import { newKeyPair } from '../../broker/keys.ts';
import type { Roster } from '../../broker/messages.ts';
import { fingerprintOf, readOperatorKey, sshLineOf } from '../../broker/operator-key.ts';
import { openRoster, sealRoster } from '../../broker/roster.ts';
import { withKey, withOperator, withoutOperator } from '../../broker/roster-change.ts';
import { NAMESPACES, sshSign, sshVerify } from '../../broker/sshsig.ts';
import * as samples from './samples.ts';
import { SoftToken, type TokenChange } from './soft-token.ts';

const test = suite('keys of security tokens');
const code = (expected: string) => (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === expected;
const token = new SoftToken();
const message = new Uint8Array([1, 2, 3]);
const verify = (blob: Uint8Array, sk = token.application, key = token.pair.public) =>
  sshVerify(message, blob, NAMESPACES.approval, key, sk);

test('what a token signed with a touch is good, whatever its count, and with a PIN too', () => {
  for (const change of [{}, {}, { flags: 5 }, { flags: 0x1d }])
    verify(token.sign(message, NAMESPACES.approval, change));
});

const HOSTILE: Readonly<Record<string, TokenChange>> = {
  'nobody touched it': { flags: 0 },
  'a PIN, and nobody touched it': { flags: 4 },
  'a touch that was put in afterwards': { flags: 0, saidFlags: 1 },
  'another count than was signed': { saidCounter: 77 },
  'it was signed for a web site': { application: 'https://site.example' },
  'it was signed for another application': { application: 'ssh:other' },
};
for (const [what, change] of Object.entries(HOSTILE)) {
  test(`refused: ${what}`, () => {
    assert.throws(() => verify(token.sign(message, NAMESPACES.approval, change)), code('E_SIGNATURE'));
  });
}

test('neither kind of key passes for the other, nor for another application or namespace', () => {
  const good = token.sign(message, NAMESPACES.approval);
  const plain = sshSign(message, NAMESPACES.approval, token.pair);
  const { public: key } = token.pair;
  assert.throws(() => sshVerify(message, good, NAMESPACES.approval, key), code('E_SIGNATURE'));
  assert.throws(() => verify(plain), code('E_SIGNATURE'));
  sshVerify(message, plain, NAMESPACES.approval, key);
  assert.throws(() => verify(good, 'ssh:other'), code('E_SIGNATURE'));
  assert.throws(() => verify(good, 'ssh:', newKeyPair().public), code('E_SIGNATURE'));
  assert.throws(() => sshVerify(message, good, NAMESPACES.session, key, 'ssh:'), code('E_SIGNATURE'));
  // A key whose roster names an application that is none of SSH's is worth nothing, whoever signed it in.
  const web = new SoftToken('https://site.example');
  const signed = web.sign(message, NAMESPACES.approval);
  assert.throws(() => verify(signed, web.application, web.pair.public), code('E_SIGNATURE'));
});

test('one byte changed, cut off or put on anywhere in the blob: refused with its code', () => {
  const good = token.sign(message, NAMESPACES.approval);
  const changes = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(changes, ([at, by]) => {
      const changed = good.slice();
      changed[at] = (changed[at] ?? 0) ^ by;
      for (const blob of [changed, good.subarray(0, at), new Uint8Array([...good, by])])
        assert.throws(() => verify(blob), code('E_SIGNATURE'), `${at} ${by}`);
    }),
  );
});

test('its public key is read as ssh-keygen writes it, goes onto the roster, and off it', () => {
  const line = sshLineOf(token.pair.public, 'ssh:');
  assert.match(line, /^sk-ssh-ed25519@openssh\.com AAAA/);
  assert.equal(readOperatorKey(`${line} ann@plant-7\n`), token.key);
  assert.is.not(fingerprintOf(token.pair.public, 'ssh:'), fingerprintOf(token.pair.public));
  const hub = newKeyPair();
  const root = newKeyPair();
  const ann = { name: 'ann', key: newKeyPair().public, role: 'admin' as const, scopes: [] };
  const before: Roster = { ...samples.roster, hub_key: hub.public, operators: [ann] };
  const with_ = withOperator(before, { name: 'bob', ...token.key, role: 'approver', scopes: [] });
  assert.equal(openRoster(sealRoster(with_, root), root.public), with_, 'it travels whole');
  const said = { ...samples.approval, by: 'bob', role: 'approver' as const };
  const payload = encodeCbor(said);
  const signed = { payload, signature: token.sign(payload, NAMESPACES.approval) };
  const now = said.not_after - 1;
  assert.is(openApproval(signed, with_, now).by, 'bob');
  const untouched = { payload, signature: token.sign(payload, NAMESPACES.approval, { flags: 0 }) };
  assert.throws(() => openApproval(untouched, with_, now), code('E_SIGNATURE'));
  const plain = newKeyPair();
  const rotated = withKey(with_, 'bob', plain.public);
  assert.equal(rotated.operators[1], { name: 'bob', key: plain.public, role: 'approver', scopes: [] });
  assert.equal(rotated.former?.[0], { name: 'bob', ...token.key, role: 'approver', until: with_.version });
  assert.throws(() => openApproval(signed, rotated, now), code('E_SIGNATURE'));
  assert.is(openFormer(signed, withoutOperator(rotated, 'bob')).by, 'bob');
  assert.throws(() => withKey(rotated, 'bob', token.pair.public, 'ssh:'), code('E_OPERATOR_KEY_KNOWN'));
});

test.run();
