import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { PackError } from './commit.ts';

/** The key that signs a release: an Ed25519 key in PEM, as `openssl genpkey -algorithm ed25519` makes it. Throws E_PACK_KEY. */
export function releaseKey(file: string, passphraseFile: string | undefined): KeyObject {
  try {
    const passphrase = passphraseFile === undefined ? undefined : readFileSync(passphraseFile, 'utf8').split('\n')[0];
    const pem = readFileSync(file);
    const key = createPrivateKey(passphrase === undefined ? pem : { key: pem, passphrase });
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is ${key.asymmetricKeyType}, not ed25519`);
    return key;
  } catch (error) {
    throw new PackError('E_PACK_KEY', `${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The 64 bytes of a plain Ed25519 signature (RFC 8032) over `text`: what openssl verifies with -rawin. */
export const signatureOf = (text: string, key: KeyObject): Uint8Array => sign(null, Buffer.from(text), key);

/** What two people read to each other: SHA-256 of the public key as DER, in hex. */
export const fingerprintOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(createPublicKey(key).export({ type: 'spki', format: 'der' }))
    .digest('hex');
