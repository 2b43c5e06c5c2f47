import { createHash, createPublicKey } from 'node:crypto';
import { KeyFileError } from './keys.ts';
import { ed25519Of, SSH_SK_ED25519, SshShapeError, sshKeyBlob } from './ssh-wire.ts';

/** More than any public key has: a file is read no further. */
const TEXT_MAX = 16_384;
const MAKE_ONE = 'make one with `ssh-keygen -t ed25519 -f FILE` and give FILE.pub';

/**
 * The public key in a file's text: a line of OpenSSH's (`ssh-ed25519 AAAA... comment`) or a PEM block. Throws
 * KeyFileError for anything else, a private key among it: that belongs to its operator alone.
 */
export function readOperatorKey(text: string): Uint8Array {
  if (text.length > TEXT_MAX) throw new KeyFileError('this is no public key: it is too long');
  if (text.includes('PRIVATE KEY'))
    throw new KeyFileError('this is a private key, which stays with its operator: give the public half, FILE.pub');
  return text.includes('-----BEGIN PUBLIC KEY-----') ? fromPem(text) : fromLine(text);
}

function fromPem(text: string): Uint8Array {
  try {
    const { crv, x } = createPublicKey(text).export({ format: 'jwk' });
    if (crv === 'Ed25519' && x !== undefined) return new Uint8Array(Buffer.from(x, 'base64url'));
  } catch {
    throw new KeyFileError(`this PEM block holds no key that can be read: ${MAKE_ONE}`);
  }
  throw new KeyFileError(`this is no Ed25519 key: ${MAKE_ONE}`);
}

function fromLine(text: string): Uint8Array {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const [type = '', base64 = ''] = lines[0]?.trim().split(/\s+/) ?? [];
  if (lines.length !== 1) throw new KeyFileError(`one public key is wanted, and there are ${lines.length} lines`);
  if (type === SSH_SK_ED25519)
    throw new KeyFileError(`keys of security tokens (${SSH_SK_ED25519}) are not verified yet: ${MAKE_ONE}`);
  try {
    const key = /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? ed25519Of(Buffer.from(base64, 'base64')) : null;
    if (key !== null && type === 'ssh-ed25519') return key;
  } catch (error) {
    if (!(error instanceof SshShapeError)) throw error;
  }
  throw new KeyFileError(`this is no Ed25519 public key: ${MAKE_ONE}`);
}

/** A key's fingerprint as `ssh-keygen -l` and `ssh-add -l` print it. */
export function fingerprintOf(publicKey: Uint8Array): string {
  const digest = createHash('sha256').update(sshKeyBlob(publicKey)).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}

/** A key as a line of an `allowed_signers` or `authorized_keys` file. */
export const sshLineOf = (publicKey: Uint8Array): string => `ssh-ed25519 ${sshKeyBlob(publicKey).toString('base64')}`;
