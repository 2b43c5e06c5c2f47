/** The types of key that OpenSSH names (RFC 8709; openssh, PROTOCOL.u2f). */
export const SSH_ED25519 = 'ssh-ed25519';
export const SSH_SK_ED25519 = 'sk-ssh-ed25519@openssh.com';

/** A string as SSH writes it (RFC 4251 section 5): its length as 32 bits, big end first, then the bytes. */
export function sshString(value: string | Uint8Array): Buffer {
  const body = Buffer.from(value);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

/** Bytes end before what they say of themselves. */
export class SshShapeError extends Error {
  readonly code = 'E_SSH_SHAPE';
}

/** Reads SSH's strings and numbers in their order; throws SshShapeError where the bytes end too soon. */
export class SshReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw new SshShapeError('it ends too soon');
    const taken = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  byte(): number {
    return this.take(1).readUInt8();
  }

  number(): number {
    return this.take(4).readUInt32BE();
  }

  string(): Buffer {
    return this.take(this.number());
  }
}

/** A public key that signs as SSH does. */
export interface SshKey {
  /** Raw Ed25519, 32 bytes. */
  readonly key: Uint8Array;
  /** Of a security token's key: the application that it is for. */
  readonly sk?: string;
}

/** An Ed25519 public key as SSH writes it; with `sk` a security token's. */
export const sshKeyBlob = (publicKey: Uint8Array, sk?: string): Buffer =>
  sk === undefined
    ? Buffer.concat([sshString(SSH_ED25519), sshString(publicKey)])
    : Buffer.concat([sshString(SSH_SK_ED25519), sshString(publicKey), sshString(sk)]);

/** The Ed25519 key in such a blob; null where it is another type of key. Throws SshShapeError. */
export function sshKeyOf(blob: Uint8Array): SshKey | null {
  const reader = new SshReader(blob);
  const type = reader.string().toString('latin1');
  if (type !== SSH_ED25519 && type !== SSH_SK_ED25519) return null;
  const key = new Uint8Array(reader.string());
  const sk = type === SSH_SK_ED25519 ? reader.string().toString('latin1') : undefined;
  if (key.length !== 32 || !reader.isAtEnd) throw new SshShapeError('an Ed25519 key has 32 bytes');
  return sk === undefined ? { key } : { key, sk };
}
