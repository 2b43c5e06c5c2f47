import { createHash } from 'node:crypto';
import { verifyBytes } from './keys.ts';
import { SSH_SK_ED25519, SshReader, sshString } from './ssh-wire.ts';

/** What a security token signs with an `ed25519-sk` key (openssh, PROTOCOL.u2f), read from SSH's signature blob. */
export interface SkSignature {
  readonly raw: Uint8Array;
  readonly flags: number;
  readonly counter: number;
}

/** Somebody touched the token for this very signature. */
const USER_PRESENT = 0x01;
/** The application of a token's SSH key; another one is a web site's credential, or who knows whose. */
export const SK_APPLICATION = /^ssh:[\x21-\x7e]{0,60}$/;

/** Reads `string type, string signature, byte flags, uint32 counter`; null where it is anything else. Throws SshShapeError. */
export function skSignatureOf(blob: Uint8Array): SkSignature | null {
  const reader = new SshReader(blob);
  if (reader.string().toString('latin1') !== SSH_SK_ED25519) return null;
  const raw = new Uint8Array(reader.string());
  const flags = reader.byte();
  const counter = reader.number();
  return raw.length === 64 && reader.isAtEnd ? { raw, flags, counter } : null;
}

/** The same as SSH writes it. */
export function skBlobOf({ raw, flags, counter }: SkSignature): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(counter);
  return Buffer.concat([sshString(SSH_SK_ED25519), sshString(raw), Buffer.from([flags]), count]);
}

/** What the token signs in the end: for which application, that it was touched, its count, and the message's hash. */
export function skBytes(
  message: Uint8Array,
  application: string,
  { flags, counter }: Omit<SkSignature, 'raw'>,
): Uint8Array {
  const sha256 = (value: string | Uint8Array) => createHash('sha256').update(value).digest();
  const state = Buffer.alloc(5);
  state.writeUInt8(flags);
  state.writeUInt32BE(counter, 1);
  return new Uint8Array(Buffer.concat([sha256(application), state, sha256(message)]));
}

/**
 * Whether this token's key signed the message for its application with a touch. The counter is part of what is signed, and
 * says nothing more: tokens may keep it at zero, and which approval counts once is the agents' journals' to know.
 */
export const skVerify = (message: Uint8Array, signature: SkSignature, key: Uint8Array, application: string): boolean =>
  (signature.flags & USER_PRESENT) !== 0 &&
  SK_APPLICATION.test(application) &&
  verifyBytes(skBytes(message, application, signature), signature.raw, key);
