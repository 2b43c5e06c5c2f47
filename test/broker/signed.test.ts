import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeCbor } from '../../broker/cbor.ts';
import { newKeyPair, verifyBytes } from '../../broker/keys.ts';
import { open, peek, type SignedKind, seal } from '../../broker/signed.ts';
import { NAMESPACES, sshSign, sshVerify } from '../../broker/sshsig.ts';

const test = suite('signatures');
const pair = newKeyPair();
const payload = encodeCbor({ text: 'what was said', n: 1 });
const KINDS: readonly SignedKind[] = ['birth', 'event', 'result', 'order', 'ack', 'roster', 'checkpoint'];
const CODES = new Set(['E_SIGNATURE', 'E_CBOR', 'E_MESSAGE_SHAPE']);
const isCoded = (error: unknown): boolean => error instanceof Error && 'code' in error && CODES.has(String(error.code));
const isSignatureError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'E_SIGNATURE';

test('opens as the kind it was sealed as, by the key that sealed it, and as nothing else', () => {
  for (const kind of KINDS) {
    const message = seal(kind, payload, pair);
    assert.equal([...open(kind, message, pair.public)], [...payload]);
    assert.equal([...peek(message)], [...payload]);
    for (const other of KINDS) {
      if (other !== kind) assert.throws(() => open(other, message, pair.public), isSignatureError);
    }
    assert.throws(() => open(kind, message, newKeyPair().public), isSignatureError);
  }
});

test('no single byte of a sealed message can be changed', () => {
  const message = seal('order', payload, pair);
  for (let at = 0; at < message.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const changed = message.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << bit);
      assert.throws(() => open('order', changed, pair.public), isCoded, `byte ${at}, bit ${bit}`);
    }
  }
});

test('no byte can be cut off, added or put before', () => {
  const message = seal('ack', payload, pair);
  for (let length = 0; length < message.length; length++) {
    assert.throws(() => open('ack', message.subarray(0, length), pair.public), isCoded);
  }
  assert.throws(() => open('ack', new Uint8Array([...message, 0]), pair.public), isCoded);
  assert.throws(() => open('ack', new Uint8Array([0, ...message]), pair.public), isCoded);
});

test('random bytes are refused with a code', () => {
  void fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.throws(() => open('order', bytes, pair.public), isCoded);
    }),
  );
});

test('keys and signatures of another length verify nothing', () => {
  assert.not(verifyBytes(payload, new Uint8Array(63), pair.public));
  assert.not(verifyBytes(payload, new Uint8Array(64), pair.public));
  assert.not(verifyBytes(payload, new Uint8Array(64), new Uint8Array(31)));
  // All zeros is a point of small order: a key that no signer has.
  assert.not(verifyBytes(payload, new Uint8Array(64).fill(1), new Uint8Array(32)));
});

test('an operator’s signature holds for one message, one namespace and one key', () => {
  const blob = sshSign(payload, NAMESPACES.approval, pair);
  sshVerify(payload, blob, NAMESPACES.approval, pair.public);
  assert.throws(() => sshVerify(payload, blob, NAMESPACES.session, pair.public), isSignatureError);
  assert.throws(() => sshVerify(payload, blob, NAMESPACES.approval, newKeyPair().public), isSignatureError);
  assert.throws(() => sshVerify(payload.slice(1), blob, NAMESPACES.approval, pair.public), isSignatureError);
});

test('no single byte of an operator’s signature can be changed, cut off or added', () => {
  const blob = sshSign(payload, NAMESPACES.approval, pair);
  for (let at = 0; at < blob.length; at++) {
    const changed = blob.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    for (const bad of [changed, blob.subarray(0, at)]) {
      assert.throws(() => sshVerify(payload, bad, NAMESPACES.approval, pair.public), isSignatureError, `byte ${at}`);
    }
  }
  const longer = new Uint8Array([...blob, 0]);
  assert.throws(() => sshVerify(payload, longer, NAMESPACES.approval, pair.public), isSignatureError);
});

test.run();
