import { createHash, createPublicKey } from 'node:crypto';
import { KeyFileError } from './keys.ts';
import { SK_APPLICATION } from './ssh-sk.ts';
import { SSH_ED25519, SSH_SK_ED25519, type SshKey, SshShapeError, sshKeyBlob, sshKeyOf } from './ssh-wire.ts';

/** More than any public key has: a file is read no further. */
const TEXT_MAX = 16_384;
const MAKE_ONE = 'make one with `ssh-keygen -t ed25519 -f FILE` and give FILE.pub';

/**
 * The public key in a file's text: a line of OpenSSH's (`ssh-ed25519 AAAA... comment`, or a security token's) or a PEM
 * block. Throws KeyFileError for anything else, a private key among it: that belongs to its operator alone.
 */
export function readOperatorKey(text: string): SshKey {
  if (text.length > TEXT_MAX) throw new KeyFileError('this is no public key: it is too long');
  if (text.includes('PRIVATE KEY'))
    throw new KeyFileError('this is a private key, which stays with its operator: give the public half, FILE.pub');
  return text.includes('-----BEGIN PUBLIC KEY-----') ? fromPem(text) : fromLine(text);
}

function fromPem(text: string): SshKey {
  try {
    const { crv, x } = createPublicKey(text).export({ format: 'jwk' });
    if (crv === 'Ed25519' && x !== undefined) return { key: new Uint8Array(Buffer.from(x, 'base64url')) };
  } catch {
    throw new KeyFileError(`this PEM block holds no key that can be read: ${MAKE_ONE}`);
  }
  throw new KeyFileError(`this is no Ed25519 key: ${MAKE_ONE}`);
}

function fromLine(text: string): SshKey {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const [type = '', base64 = ''] = lines[0]?.trim().split(/\s+/) ?? [];
  if (lines.length !== 1) throw new KeyFileError(`one public key is wanted, and there are ${lines.length} lines`);
  const found = inBase64(base64);
  if (found === null || type !== (found.sk === undefined ? SSH_ED25519 : SSH_SK_ED25519))
    throw new KeyFileError(`this is no Ed25519 public key: ${MAKE_ONE}`);
  if (found.sk !== undefined && !SK_APPLICATION.test(found.sk))
    throw new KeyFileError(
      'this token’s key is not for SSH: its application begins with `ssh:` (ssh-keygen -O application)',
    );
  return found;
}

function inBase64(base64: string): SshKey | null {
  try {
    return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? sshKeyOf(Buffer.from(base64, 'base64')) : null;
  } catch (error) {
    if (!(error instanceof SshShapeError)) throw error;
    return null;
  }
}

/** A key's fingerprint as `ssh-keygen -l` and `ssh-add -l` print it. */
export function fingerprintOf(publicKey: Uint8Array, sk?: string): string {
  const digest = createHash('sha256').update(sshKeyBlob(publicKey, sk)).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}

/** A key as a line of an `allowed_signers` or `authorized_keys` file. */
export const sshLineOf = (publicKey: Uint8Array, sk?: string): string =>
  `${sk === undefined ? SSH_ED25519 : SSH_SK_ED25519} ${sshKeyBlob(publicKey, sk).toString('base64')}`;
