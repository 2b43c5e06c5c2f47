import { createPrivateKey } from 'node:crypto';
import { KeyFileError, type KeyPair, keyPairOf } from './keys.ts';
import { SshReader, SshShapeError, sshKeyOf } from './ssh-wire.ts';

const HEAD = '-----BEGIN OPENSSH PRIVATE KEY-----';
const TAIL = '-----END OPENSSH PRIVATE KEY-----';
const MAGIC = 'openssh-key-v1\0';
/** Larger than any Ed25519 key with its comment. */
const TEXT_MAX = 16_384;
/** DER header of an Ed25519 PKCS #8 key (RFC 8410): the seed follows it. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** What an OpenSSH private key file gives without a passphrase. */
export interface OpensshKey {
  readonly public: Uint8Array;
  /** Of a security token's key, whose secret half never leaves it: the application that it is for. */
  readonly sk?: string;
  /** Null when it is encrypted with a passphrase: an ssh-agent can hold it. */
  readonly pair: KeyPair | null;
}

export const isOpensshKey = (text: string): boolean => text.includes(HEAD);

/** Reads what `ssh-keygen -t ed25519` writes (openssh, PROTOCOL.key). Throws KeyFileError. */
export function readOpensshKey(text: string): OpensshKey {
  if (text.length > TEXT_MAX) throw new KeyFileError('this is no Ed25519 key: it is too long');
  const [, body = ''] = text.split(HEAD);
  const [base64 = '', end] = body.split(TAIL);
  if (end === undefined) throw new KeyFileError('this OpenSSH key has no end');
  try {
    return parse(new SshReader(Buffer.from(base64, 'base64')));
  } catch (error) {
    if (!(error instanceof SshShapeError)) throw error;
    throw new KeyFileError(`this OpenSSH key can't be read: ${error.message}`);
  }
}

function parse(reader: SshReader): OpensshKey {
  if (reader.take(MAGIC.length).toString('latin1') !== MAGIC) throw new SshShapeError('it does not begin as one');
  const cipher = reader.string().toString('latin1');
  reader.string();
  reader.string();
  if (reader.number() !== 1) throw new SshShapeError('it holds other than one key');
  const found = sshKeyOf(reader.string());
  if (found === null) throw new KeyFileError('this is no Ed25519 key: make one with `ssh-keygen -t ed25519 -f FILE`');
  const { key: publicKey, sk } = found;
  if (sk !== undefined) return { public: publicKey, sk, pair: null };
  if (cipher !== 'none') return { public: publicKey, pair: null };
  const secret = new SshReader(reader.string());
  const check = secret.number();
  if (secret.number() !== check) throw new SshShapeError('its two check numbers differ');
  secret.string();
  secret.string();
  const seed = secret.string().subarray(0, 32);
  if (seed.length !== 32) throw new SshShapeError('an Ed25519 key has 32 bytes');
  const pair = keyPairOf(createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' }));
  if (!Buffer.from(pair.public).equals(publicKey)) throw new SshShapeError('its two halves do not belong together');
  return { public: publicKey, pair };
}
