import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { type Event, LIMITS, type Snapshot, snapshot as snapshotShape } from './messages.ts';
import { ShapeError } from './shape.ts';

/** Shorter ones gain less than a packet. */
const WORTH_BYTES = 512;
/** What a snapshot may be once it is inflated: names and lines of the longest, in any script, are less than half of it. */
const SNAPSHOT_BYTES = 4 * LIMITS.payload;
/** What else an event's payload holds at the most: its other fields, and the signature. */
const BESIDE_BYTES = 6_144;

/**
 * An event as it travels: with its snapshot deflated (RFC 1951) where that is shorter. A snapshot is nearly all of an
 * alert, and names the same keys and paths again and again: on a link of 9,600 bit/s it is the time that an alert takes.
 * Where no payload has room for it the event goes without: users of the host choose what their processes are called, and
 * must not keep an alert from being heard by that.
 */
export function withPackedSnapshot(event: Event): Event {
  const { snapshot, ...said } = event;
  if (snapshot === undefined) return event;
  const bytes = encodeCbor(snapshot);
  if (bytes.length < WORTH_BYTES) return event;
  const packed = new Uint8Array(deflateRawSync(bytes));
  const length = Math.min(packed.length, bytes.length);
  if (bytes.length > SNAPSHOT_BYTES || length + BESIDE_BYTES > LIMITS.payload) return said;
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
    // No more, whatever some bytes could be inflated to.
    bytes = inflateRawSync(packed, { maxOutputLength: SNAPSHOT_BYTES });
  } catch {
    throw new ShapeError('packed', `a snapshot of at most ${SNAPSHOT_BYTES} bytes, deflated`);
  }
  return snapshotShape(decodeCbor(bytes), 'packed');
}
