import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncFolder, writeDurably } from './durable-file.ts';
import { CREDENTIAL, keptPassphrase, PASSPHRASE_FILE } from './kept-passphrase.ts';

/** An Ed25519 key pair in memory. */
export interface KeyPair {
  readonly secret: KeyObject;
  /** Raw public key, 32 bytes. */
  readonly public: Uint8Array;
}

/** DER header of an Ed25519 SubjectPublicKeyInfo (RFC 8410): the raw key follows it. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

export function newKeyPair(): KeyPair {
  return keyPairOf(generateKeyPairSync('ed25519').privateKey);
}

/** The pair of a secret key; throws KeyFileError when it is not an Ed25519 one. */
export function keyPairOf(secret: KeyObject): KeyPair {
  const { x } = createPublicKey(secret).export({ format: 'jwk' });
  if (secret.asymmetricKeyType !== 'ed25519' || x === undefined) throw new KeyFileError('not an Ed25519 key');
  return { secret, public: new Uint8Array(Buffer.from(x, 'base64url')) };
}

export class KeyFileError extends Error {
  readonly code = 'E_KEY_FILE';
}

/** Whether a PKCS #8 PEM file is encrypted. */
export const isSealed = (file: string): boolean => readFileSync(file, 'latin1').includes('BEGIN ENCRYPTED PRIVATE KEY');

/**
 * Reads a PKCS #8 PEM file, encrypted or not; an encrypted one with the passphrase that this installation keeps its keys
 * under, unless another is given. Throws KeyFileError.
 */
export function readKeyPair(file: string, passphrase?: string): KeyPair {
  try {
    const known = passphrase ?? (isSealed(file) ? keptPassphrase() : undefined);
    if (known === undefined && isSealed(file))
      throw new KeyFileError(
        `it is encrypted: give its passphrase in the credential ${CREDENTIAL} or ${PASSPHRASE_FILE}`,
      );
    return keyPairOf(
      createPrivateKey({ key: readFileSync(file), ...(known === undefined ? {} : { passphrase: known }) }),
    );
  } catch (error) {
    throw new KeyFileError(`${file}: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
}

/** Writes a PKCS #8 PEM file, readable by its owner alone; encrypted where this installation has a passphrase for its keys. */
export function writeKeyPair(file: string, pair: KeyPair): void {
  const passphrase = keptPassphrase();
  const sealed = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  writeDurably(file, pair.secret.export({ format: 'pem', type: 'pkcs8', ...sealed }), 0o600);
  chmodSync(file, 0o600);
}

/**
 * Writes a new PKCS #8 PEM file encrypted with a passphrase (PBES2, AES-256). Throws KeyFileError when there is a file of
 * that name: a key that others have pinned must not be lost to a second try.
 */
export function writeSealedKeyPair(file: string, pair: KeyPair, passphrase: string): void {
  const pem = pair.secret.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase });
  try {
    writeFileSync(file, pem, { flag: 'wx', mode: 0o600, flush: true });
    syncFolder(dirname(file));
  } catch (error) {
    throw new KeyFileError(`${file}: ${error instanceof Error ? error.message : 'not written'}`);
  }
}

export function signBytes(data: Uint8Array, pair: KeyPair): Uint8Array {
  return new Uint8Array(sign(null, data, pair.secret));
}

/** Imported public keys, by hex: importing costs as much as a verification, and a site has few keys. */
const imported = new Map<string, KeyObject>();
const IMPORTED_MAX = 1_024;

export const verifyBytes = (data: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean =>
  publicKey.length === 32 && signature.length === 64 && verify(null, data, importedKey(publicKey), signature);

/** A raw public key of 32 bytes as `crypto.verify` takes it: for who verifies with one key many times. */
export function importedKey(publicKey: Uint8Array): KeyObject {
  const name = Buffer.from(publicKey).toString('hex');
  let key = imported.get(name);
  if (key === undefined) {
    key = createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' });
    if (imported.size >= IMPORTED_MAX) imported.clear();
    imported.set(name, key);
  }
  return key;
}

/** First 8 bytes of the public key's SHA-256: names a key in a signature's header. */
export function keyId(publicKey: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(publicKey).digest().subarray(0, 8));
}
