import { createHash } from 'node:crypto';
import { type KeyPair, signBytes, verifyBytes } from './keys.ts';
import { SignatureError } from './signed.ts';
import { SSH_ED25519, sshKeyBlob, sshString } from './ssh-wire.ts';

/**
 * An operator's signature: SSHSIG (openssh, PROTOCOL.sshsig), so that a key file, an ssh-agent or a security key can
 * make it and `ssh-keygen -Y verify` can check it without us. Only ssh-ed25519 with SHA-512 for now.
 */
export const NAMESPACES = {
  approval: 'sentinel-approval',
  session: 'sentinel-session',
  rejection: 'sentinel-reject',
  halt: 'sentinel-halt',
  rule: 'sentinel-rule',
  /** What the hub's order key signs in the name of a rule. */
  alone: 'sentinel-alone',
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
export function sshsigOf(namespace: Namespace, publicKey: Uint8Array, raw: Uint8Array): Uint8Array {
  const version = Buffer.from([0, 0, 0, 1]);
  const signature = Buffer.concat([sshString(SSH_ED25519), sshString(raw)]);
  const head = [MAGIC, version, sshString(sshKeyBlob(publicKey)), sshString(namespace), sshString(''), sshString(HASH)];
  return new Uint8Array(Buffer.concat([...head, sshString(signature)]));
}

/** Throws SignatureError unless the blob is this key's signature over the message in this namespace. */
export function sshVerify(message: Uint8Array, blob: Uint8Array, namespace: Namespace, publicKey: Uint8Array): void {
  const expected = Buffer.concat([
    MAGIC,
    Buffer.from([0, 0, 0, 1]),
    sshString(sshKeyBlob(publicKey)),
    sshString(namespace),
    sshString(''),
    sshString(HASH),
  ]);
  // Everything but the signature is known beforehand, so the blob is compared instead of parsed.
  const head = Buffer.from(blob.subarray(0, expected.length));
  const signatureHead = sshString(Buffer.concat([sshString(SSH_ED25519), sshString(new Uint8Array(64))])).subarray(
    0,
    -64,
  );
  const tail = Buffer.from(blob.subarray(expected.length));
  if (
    !head.equals(expected) ||
    tail.length !== signatureHead.length + 64 ||
    !tail.subarray(0, signatureHead.length).equals(signatureHead) ||
    !verifyBytes(bytesToSign(message, namespace), new Uint8Array(tail.subarray(signatureHead.length)), publicKey)
  ) {
    throw new SignatureError(`not a ${namespace} signature by the expected key`);
  }
}

/** Throws SignatureError unless one of these keys has made it. */
export function sshVerifyAny(
  message: Uint8Array,
  blob: Uint8Array,
  namespace: Namespace,
  keys: readonly Uint8Array[],
): void {
  const [first, ...others] = keys;
  if (first === undefined) throw new SignatureError(`no key is known for this ${namespace} signature`);
  try {
    sshVerify(message, blob, namespace, first);
  } catch (error) {
    if (others.length === 0 || !(error instanceof SignatureError)) throw error;
    sshVerifyAny(message, blob, namespace, others);
  }
}
