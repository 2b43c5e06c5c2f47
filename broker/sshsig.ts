import { createHash } from 'node:crypto';
import { type KeyPair, signBytes, verifyBytes } from './keys.ts';
import { SignatureError } from './signed.ts';
import { skSignatureOf, skVerify } from './ssh-sk.ts';
import { SSH_ED25519, type SshKey, SshReader, SshShapeError, sshKeyBlob, sshString } from './ssh-wire.ts';

/**
 * An operator's signature: SSHSIG (openssh, PROTOCOL.sshsig), so that a key file, an ssh-agent or a security key can
 * make it and `ssh-keygen -Y verify` can check it without us. Only Ed25519, in a file or a security token, with SHA-512.
 */
export const NAMESPACES = {
  approval: 'sentinel-approval',
  /** The second of two persons, over the first one's approval. */
  second: 'sentinel-second',
  session: 'sentinel-session',
  rejection: 'sentinel-reject',
  halt: 'sentinel-halt',
  rule: 'sentinel-rule',
  /** An approval that holds for later plans of the same commands (broker/remembered.ts). */
  remembered: 'sentinel-remembered',
  /** What the hub's order key signs in the name of a rule. */
  alone: 'sentinel-alone',
  /** What an admin signs to have agents run another version. */
  upgrade: 'sentinel-upgrade',
} as const;
export type Namespace = (typeof NAMESPACES)[keyof typeof NAMESPACES];

const MAGIC = Buffer.from('SSHSIG');
const HASH = 'sha512';

/** What is signed in the end: the message's hash, bound to what it is for. */
export function bytesToSign(message: Uint8Array, namespace: Namespace): Uint8Array {
  const digest = createHash(HASH).update(message).digest();
  const bytes = Buffer.concat([MAGIC, sshString(namespace), sshString(''), sshString(HASH), sshString(digest)]);
  return new Uint8Array(bytes);
}

/** The binary SSHSIG blob over the message's bytes. */
export function sshSign(message: Uint8Array, namespace: Namespace, pair: KeyPair): Uint8Array {
  return sshsigOf(namespace, pair.public, signBytes(bytesToSign(message, namespace), pair));
}

/** The blob around a raw signature over `bytesToSign`, however it was made. */
export const sshsigOf = (namespace: Namespace, publicKey: Uint8Array, raw: Uint8Array): Uint8Array =>
  sshsigAround(namespace, { key: publicKey }, Buffer.concat([sshString(SSH_ED25519), sshString(raw)]));

/** The same around SSH's own signature blob, as an ssh-agent gives it: a security token's says more than its raw one. */
export const sshsigAround = (namespace: Namespace, key: SshKey, signature: Uint8Array): Uint8Array =>
  new Uint8Array(Buffer.concat([headOf(namespace, key), sshString(signature)]));

const headOf = (namespace: Namespace, { key, sk }: SshKey): Buffer =>
  Buffer.concat([
    MAGIC,
    Buffer.from([0, 0, 0, 1]),
    sshString(sshKeyBlob(key, sk)),
    sshString(namespace),
    sshString(''),
    sshString(HASH),
  ]);

/**
 * Throws SignatureError unless the blob is this key's signature over the message in this namespace; with `sk` a security
 * token's for that application, made with a touch.
 */
export function sshVerify(
  message: Uint8Array,
  blob: Uint8Array,
  namespace: Namespace,
  publicKey: Uint8Array,
  sk?: string,
): void {
  // Everything but the signature is known beforehand, so the blob is compared instead of parsed.
  const expected = headOf(namespace, sk === undefined ? { key: publicKey } : { key: publicKey, sk });
  const head = Buffer.from(blob.subarray(0, expected.length));
  const tail = blob.subarray(expected.length);
  const signed = bytesToSign(message, namespace);
  const isGood =
    head.equals(expected) &&
    (sk === undefined ? isPlain(tail, signed, publicKey) : isByToken(tail, signed, publicKey, sk));
  if (!isGood) throw new SignatureError(`not a ${namespace} signature by the expected key`);
}

const PLAIN = sshString(Buffer.concat([sshString(SSH_ED25519), sshString(new Uint8Array(64))])).subarray(0, -64);

const isPlain = (tail: Uint8Array, signed: Uint8Array, publicKey: Uint8Array): boolean =>
  tail.length === PLAIN.length + 64 &&
  PLAIN.equals(tail.subarray(0, PLAIN.length)) &&
  verifyBytes(signed, new Uint8Array(tail.subarray(PLAIN.length)), publicKey);

function isByToken(tail: Uint8Array, signed: Uint8Array, publicKey: Uint8Array, sk: string): boolean {
  try {
    const reader = new SshReader(tail);
    const signature = skSignatureOf(reader.string());
    return signature !== null && reader.isAtEnd && skVerify(signed, signature, publicKey, sk);
  } catch (error) {
    if (error instanceof SshShapeError) return false;
    throw error;
  }
}

/** Throws SignatureError unless one of these keys has made it. */
export function sshVerifyAny(
  message: Uint8Array,
  blob: Uint8Array,
  namespace: Namespace,
  keys: readonly SshKey[],
): void {
  const [first, ...others] = keys;
  if (first === undefined) throw new SignatureError(`no key is known for this ${namespace} signature`);
  try {
    sshVerify(message, blob, namespace, first.key, first.sk);
  } catch (error) {
    if (others.length === 0 || !(error instanceof SignatureError)) throw error;
    sshVerifyAny(message, blob, namespace, others);
  }
}
