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

/** An Ed25519 public key as SSH writes it. */
export const sshKeyBlob = (publicKey: Uint8Array): Buffer =>
  Buffer.concat([sshString(SSH_ED25519), sshString(publicKey)]);

/** The 32 bytes of the Ed25519 key in such a blob; null where it is another type of key. Throws SshShapeError. */
export function ed25519Of(blob: Uint8Array): Uint8Array | null {
  const reader = new SshReader(blob);
  if (reader.string().toString('latin1') !== SSH_ED25519) return null;
  const key = reader.string();
  if (key.length !== 32 || !reader.isAtEnd) throw new SshShapeError('an Ed25519 key has 32 bytes');
  return new Uint8Array(key);
}
