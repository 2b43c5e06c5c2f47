import { createPrivateKey, type KeyObject } from 'node:crypto';
import { CREDENTIAL, keptPassphrase, PASSPHRASE_FILE } from './kept-passphrase.ts';
import { KeyFileError } from './keys.ts';

/** The private key of a PEM text; certificates may stand beside it. */
const PRIVATE = /-----BEGIN (ENCRYPTED )?PRIVATE KEY-----[\s\S]{1,8192}?-----END (?:ENCRYPTED )?PRIVATE KEY-----\r?\n?/;

export const isSealedPem = (pem: string): boolean => pem.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----');

/** A private key as PKCS #8 PEM, encrypted with this passphrase (PBES2, AES-256), or as it is where there is none. */
export function privatePem(key: KeyObject, passphrase: string | undefined): string {
  const sealed = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  return key.export({ format: 'pem', type: 'pkcs8', ...sealed }).toString();
}

/**
 * The private key in a PEM text, encrypted or not, by the passphrase that this installation keeps its keys under. `of` is
 * for messages. Throws KeyFileError.
 */
export function privateKeyIn(pem: string, of: string): KeyObject {
  const [key = '', encrypted] = PRIVATE.exec(pem) ?? [];
  const passphrase = encrypted === undefined ? undefined : keptPassphrase();
  if (encrypted !== undefined && passphrase === undefined)
    throw new KeyFileError(
      `${of}: it is encrypted: give its passphrase in the credential ${CREDENTIAL} or ${PASSPHRASE_FILE}`,
    );
  try {
    return createPrivateKey({ key, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (error) {
    throw new KeyFileError(`${of}: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
}

/** The same text with its private key encrypted with this passphrase, or as it is; what stands beside it stays. */
export function resealed(pem: string, of: string, passphrase: string | undefined): string {
  const key = privateKeyIn(pem, of);
  return pem.replace(PRIVATE, () => privatePem(key, passphrase));
}
