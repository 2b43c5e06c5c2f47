import { crc32 } from 'node:zlib';
import { decodeCbor, encodeCbor } from '../../broker/cbor.ts';
import { LIMITS } from '../../broker/messages.ts';
import { bytes, int, list, oneOf, pattern, text } from '../../broker/shape.ts';

/**
 * A record: mark (4 bytes), state (1), CRC-32 (4), body's length (4), body. The state is apart from what the CRC covers,
 * since it is overwritten in place when the hub has stored the message.
 */
const MARK = Buffer.from('msg1');
const HEAD = 13;
/** Where the state stands in a record, and what it says. */
export const STATE_AT = 4;
export const STATE = { waiting: 1, done: 0 } as const;

/** A message of the agent's as it lies on the disk. */
export interface Message {
  readonly boot: string;
  readonly seq: number;
  readonly channel: 'e' | 'r';
  /** What must stay in order among itself: the fingerprint of an event, the order of a result. */
  readonly lane: string;
  /** As it is published. */
  readonly payload: Uint8Array;
}

export interface Found {
  /** Where it begins, and how many bytes it takes. */
  readonly at: number;
  readonly size: number;
  readonly isWaiting: boolean;
  /** Grows with every message, over starts too. */
  readonly order: number;
  readonly message: Message;
}

/**
 * `salt` is this file's own and known to nobody: what a command printed could otherwise look like a record, and be found
 * as one when the head of its own record is overwritten.
 */
export function encodeRecord(order: number, message: Message, salt: Uint8Array): Buffer {
  const { boot, seq, channel, lane, payload } = message;
  const body = encodeCbor([order, boot, seq, channel, lane, payload]);
  const record = Buffer.alloc(HEAD + body.length);
  record.set(MARK);
  record.writeUInt8(STATE.waiting, STATE_AT);
  record.writeUInt32BE(crc32(body, crc32(salt)), 5);
  record.writeUInt32BE(body.length, 9);
  record.set(body, HEAD);
  return record;
}

/** Every whole record in these bytes; what is damaged, or was overwritten in part, is passed over. */
export function* findRecords(file: Buffer, salt: Uint8Array): Generator<Found> {
  for (let at = file.indexOf(MARK); at >= 0; ) {
    const found = readRecord(file.subarray(at), salt);
    if (found !== null) yield { ...found, at };
    at = file.indexOf(MARK, at + (found?.size ?? 1));
  }
}

const boot = pattern(/^[0-9a-f]{16}$/, 'a boot id');
const fields = list((item) => item, 6);

/** The record that begins these bytes; null when there is none that is whole. */
export function readRecord(from: Buffer, salt: Uint8Array): Omit<Found, 'at'> | null {
  if (from.length < HEAD || !from.subarray(0, MARK.length).equals(MARK)) return null;
  const size = HEAD + from.readUInt32BE(9);
  const body = from.subarray(HEAD, size);
  if (size > from.length || crc32(body, crc32(salt)) !== from.readUInt32BE(5)) return null;
  try {
    const [order, start, seq, channel, lane, payload] = fields(decodeCbor(body), '');
    const message = {
      boot: boot(start, 'boot'),
      seq: int(1)(seq, 'seq'),
      channel: oneOf('e', 'r')(channel, 'channel'),
      lane: text(LIMITS.line)(lane, 'lane'),
      payload: bytes(LIMITS.payload)(payload, 'payload'),
    };
    return { size, isWaiting: from[STATE_AT] === STATE.waiting, order: int(1)(order, 'order'), message };
  } catch {
    return null;
  }
}
