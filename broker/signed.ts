import { decodeCbor, encodeCbor } from './cbor.ts';
import { type KeyPair, keyId, signBytes, verifyBytes } from './keys.ts';
import { bytes, ShapeError } from './shape.ts';

/**
 * COSE_Sign1 (RFC 9052 section 4.2) with EdDSA, untagged: [protected, {}, payload, signature]. The signature covers
 * the payload's transmitted bytes, never a re-encoding. The kind goes in as external data, so that a signed ack can't
 * be shown as an order.
 */
export type SignedKind =
  | 'birth'
  | 'event'
  | 'result'
  | 'order'
  | 'ack'
  | 'probe'
  | 'probe_result'
  | 'roster'
  | 'checkpoint'
  | 'backup'
  | 'evidence'
  | 'enroll'
  | 'halt'
  | 'release'
  | 'upgrade'
  | 'upgrade_report';

export class SignatureError extends Error {
  readonly code = 'E_SIGNATURE';
}

const HEADER_ALGORITHM = 1;
const HEADER_KEY_ID = 4;
const EDDSA = -8;

const toSign = (kind: SignedKind, header: Uint8Array, payload: Uint8Array): Uint8Array =>
  encodeCbor(['Signature1', header, Buffer.from(`sentinel-${kind}`), payload]);

/** Signs the payload's bytes as a message of this kind. */
export function seal(kind: SignedKind, payload: Uint8Array, pair: KeyPair): Uint8Array {
  const header = encodeCbor(
    new Map<number, unknown>([
      [HEADER_ALGORITHM, EDDSA],
      [HEADER_KEY_ID, keyId(pair.public)],
    ]),
  );
  return encodeCbor([header, {}, payload, signBytes(toSign(kind, header, payload), pair)]);
}

/** The payload, if this key signed it as a message of this kind; throws SignatureError otherwise. */
export function open(kind: SignedKind, message: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const { header, payload, signature } = parts(message);
  if (!verifyBytes(toSign(kind, header, payload), signature, publicKey)) {
    throw new SignatureError(`not a ${kind} signed by the expected key`);
  }
  return payload;
}

/** The payload without any check: only to read who claims to have signed, before that key is looked up. */
export function peek(message: Uint8Array): Uint8Array {
  return parts(message).payload;
}

function parts(message: Uint8Array): { header: Uint8Array; payload: Uint8Array; signature: Uint8Array } {
  const value = decodeCbor(message);
  if (!Array.isArray(value) || value.length !== 4) throw new ShapeError('', 'COSE_Sign1');
  // Nothing may stand in the part that no signature covers.
  const [, unprotected] = value;
  const isEmptyMap =
    typeof unprotected === 'object' &&
    unprotected !== null &&
    !Array.isArray(unprotected) &&
    !(unprotected instanceof Uint8Array) &&
    Object.keys(unprotected).length === 0;
  if (!isEmptyMap) throw new ShapeError('unprotected', 'an empty map');
  return {
    header: bytes(64)(value[0], 'protected'),
    payload: bytes(1 << 20)(value[2], 'payload'),
    signature: bytes(64, true)(value[3], 'signature'),
  };
}
