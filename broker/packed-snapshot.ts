import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { type Event, LIMITS, type Snapshot, snapshot as snapshotShape } from './messages.ts';
import { ShapeError } from './shape.ts';

/** Shorter ones gain less than a packet. */
const WORTH_BYTES = 512;

/**
 * An event as it travels: with its snapshot deflated (RFC 1951) where that is shorter. A snapshot is nearly all of an
 * alert, and names the same keys and paths again and again: on a link of 9,600 bit/s it is the time that an alert takes.
 */
export function withPackedSnapshot(event: Event): Event {
  const { snapshot, ...said } = event;
  if (snapshot === undefined) return event;
  const bytes = encodeCbor(snapshot);
  if (bytes.length < WORTH_BYTES) return event;
  const packed = new Uint8Array(deflateRawSync(bytes));
  return packed.length < bytes.length ? { ...said, packed } : event;
}

/** An event with its snapshot to be read, whichever way it came; throws a coded error when what was packed is none. */
export function withReadableSnapshot(event: Event): Event {
  const { packed, ...said } = event;
  return packed === undefined ? event : { ...said, snapshot: unpack(packed) };
}

function unpack(packed: Uint8Array): Snapshot {
  let bytes: Uint8Array;
  try {
    // No more than a payload could carry as it is, whatever some bytes could be inflated to.
    bytes = inflateRawSync(packed, { maxOutputLength: LIMITS.payload });
  } catch {
    throw new ShapeError('packed', `a snapshot of at most ${LIMITS.payload} bytes, deflated`);
  }
  return snapshotShape(decodeCbor(bytes), 'packed');
}
