import { timingSafeEqual } from 'node:crypto';
import { decodeCbor } from './cbor.ts';
import { telemetryMac } from './enroll.ts';
import { CBOR, FrameBytes, FrameError } from './frame-bytes.ts';
import { type Frame, LIMITS } from './messages.ts';
import { bytes, int, list, nullable } from './shape.ts';
import { SignatureError } from './signed.ts';

/** Version of the format: every keyframe names it, and deltas are of their keyframe's version. */
export const FRAME_VERSION = 1;
/** Frames in one publish: at one a minute this is an hour, which is as late as telemetry may be. */
export const BATCH_MAX = 60;
const MAC_BYTES = 16;
/** The MAC as it stands at the end of a payload, with its CBOR head. */
export const MAC_ITEM_BYTES = MAC_BYTES + 1;

/** A keyframe says all values; a delta is packed bytes that only its predecessor explains. */
export type WireFrame = Omit<Frame, 'seq'> | Uint8Array;

/** What one publish carries: frames in a row, the first of which has this sequence number. */
export interface Batch {
  readonly seq: number;
  readonly frames: readonly WireFrame[];
}

/** [seq, frame, ..., mac]: the MAC covers the boot id and every byte before itself. */
export function sealBatch({ seq, frames }: Batch, boot: string, secretHash: Uint8Array): Uint8Array {
  const body = new FrameBytes().head(CBOR.array, frames.length + 2).head(CBOR.uint, seq);
  for (const frame of frames) {
    if (frame instanceof Uint8Array) body.byteString(frame);
    else {
      body
        .head(CBOR.array, frame.values.length + 3)
        .value(FRAME_VERSION)
        .value(frame.schema)
        .value(frame.ts);
      for (const value of frame.values) body.value(value);
    }
  }
  const covered = body.bytes();
  return new FrameBytes()
    .raw(covered)
    .byteString(mac(covered, boot, secretHash))
    .bytes();
}

/** The boot id is not sent: who knows it not, or takes a batch of another start for one of this, finds no MAC right. */
function mac(covered: Uint8Array, boot: string, secretHash: Uint8Array): Uint8Array {
  return telemetryMac(Buffer.concat([Buffer.from(boot, 'hex'), covered]), secretHash);
}

/**
 * Reads one payload of telemetry. Its MAC is looked at before anything else is read: E_SIGNATURE when it is not this
 * agent's, or of another start. Then E_CBOR, E_MESSAGE_SHAPE or E_FRAME for what is no batch of this version.
 */
export function openBatch(payload: Uint8Array, boot: string, secretHash: Uint8Array): Batch {
  const covered = payload.subarray(0, -MAC_ITEM_BYTES);
  if (payload.length > LIMITS.payload || covered.length === 0 || payload[covered.length] !== 0x40 + MAC_BYTES) {
    throw new SignatureError('telemetry without a MAC');
  }
  if (!timingSafeEqual(payload.subarray(covered.length + 1), mac(covered, boot, secretHash))) {
    throw new SignatureError('telemetry with a wrong MAC');
  }
  return readBatch(payload);
}

/** The same for a reader who has no agent's secret, and can't look at the MAC. */
export function readBatch(payload: Uint8Array): Batch {
  const [seq, ...rest] = list((item) => item, BATCH_MAX + 2)(decodeCbor(payload), 'frames');
  const frames = rest.slice(0, -1).map(wireFrame);
  if (frames.length === 0) throw new FrameError('E_FRAME', 'no frames');
  return { seq: int(1, Number.MAX_SAFE_INTEGER - BATCH_MAX)(seq, 'seq'), frames };
}

const values = list(nullable(int(-Number.MAX_SAFE_INTEGER)), LIMITS.metrics);

function wireFrame(item: unknown): WireFrame {
  if (!Array.isArray(item)) return bytes(LIMITS.payload)(item, 'delta');
  const [version, schema, ts, ...rest] = item;
  if (version !== FRAME_VERSION) throw new FrameError('E_FRAME', `a keyframe of another version than ${FRAME_VERSION}`);
  return {
    schema: int(1)(schema, 'schema'),
    ts: int(0, 8_640_000_000_000_000)(ts, 'ts'),
    values: values(rest, 'values'),
  };
}
