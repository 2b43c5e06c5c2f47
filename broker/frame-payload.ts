import { decodeCbor, encodeCbor } from './cbor.ts';
import { CBOR, FrameBytes, FrameError } from './frame-bytes.ts';
import { type Frame, LIMITS, type Metric, metric } from './messages.ts';
import { bytes, int, list, nullable } from './shape.ts';
import { SignatureError } from './signed.ts';
import { endsInMac, MAC_BYTES, telemetryMac } from './telemetry-mac.ts';

/** Version of the format: every keyframe names it, and deltas are of their keyframe's version. */
export const FRAME_VERSION = 1;
/** Frames in one publish: at one a minute this is an hour, which is as late as telemetry may be. */
export const BATCH_MAX = 60;
/** Where the boot id stands in a preface: behind the heads of array, 0 and byte string. */
const BOOT_AT = 3;
const BOOT_BYTES = 8;
/** The MAC as it stands at the end of a payload, with its CBOR head. */
export const MAC_ITEM_BYTES = MAC_BYTES + 1;

/** A keyframe says all values; a delta is packed bytes that only its predecessor explains. */
export type WireFrame = Omit<Frame, 'seq'> | Uint8Array;

/** What one publish carries: frames in a row, the first of which has this sequence number. */
export interface Batch {
  readonly seq: number;
  readonly frames: readonly WireFrame[];
}

/** A frame as CBOR. */
export function encodeFrame(frame: WireFrame): Uint8Array {
  const body = new FrameBytes();
  if (frame instanceof Uint8Array) return body.byteString(frame).bytes();
  const { schema, ts, values } = frame;
  body
    .head(CBOR.array, values.length + 3)
    .value(FRAME_VERSION)
    .value(schema)
    .value(ts);
  for (const value of values) body.value(value);
  return body.bytes();
}

/** A batch of frames that are CBOR already, as a ring keeps them. */
export function sealFrames(
  seq: number,
  frames: readonly Uint8Array[],
  boot: string,
  secretHash: Uint8Array,
): Uint8Array {
  const body = new FrameBytes().head(CBOR.array, frames.length + 2).head(CBOR.uint, seq);
  return sealed(Buffer.concat([body.bytes(), ...frames]), boot, secretHash);
}

/** [seq, frame, ..., mac]: the MAC covers the boot id and every byte before itself. */
export function sealBatch({ seq, frames }: Batch, boot: string, secretHash: Uint8Array): Uint8Array {
  return sealFrames(seq, frames.map(encodeFrame), boot, secretHash);
}

/** Bytes with their MAC behind them. */
function sealed(covered: Uint8Array, boot: string, secretHash: Uint8Array): Uint8Array {
  const tag = new FrameBytes().byteString(telemetryMac(boot, covered, secretHash)).bytes();
  return new Uint8Array(Buffer.concat([covered, tag]));
}

/**
 * What the frames that follow hold, when the newest birth does not say it: [0, boot, schema, [[name, unit, scale], ...],
 * mac]. Batches begin with a number from 1, so no batch looks like it.
 */
export interface Preface {
  readonly boot: string;
  readonly schema: number;
  readonly metrics: readonly Metric[];
}

export function sealPreface({ boot, schema, metrics }: Preface, secretHash: Uint8Array): Uint8Array {
  const list = encodeCbor(metrics.map(({ name, unit, scale }) => [name, unit, scale]));
  const body = new FrameBytes()
    .head(CBOR.array, 5)
    .head(CBOR.uint, 0)
    .byteString(Buffer.from(boot, 'hex'))
    .head(CBOR.uint, schema);
  return sealed(Buffer.concat([body.bytes(), list]), boot, secretHash);
}

export const isPreface = (payload: Uint8Array): boolean => payload[0] === 0x85 && payload[1] === 0;

/** Reads a preface; its boot id stands at a fixed place, so that the MAC is checked before anything is decoded. */
export function openPreface(payload: Uint8Array, secretHash: Uint8Array): Preface {
  const boot = Buffer.from(payload.subarray(BOOT_AT, BOOT_AT + BOOT_BYTES)).toString('hex');
  checkMac(payload, boot, secretHash);
  return readPreface(payload);
}

/** The same for a reader who has no agent's secret, and can't look at the MAC. */
export function readPreface(payload: Uint8Array): Preface {
  const boot = Buffer.from(payload.subarray(BOOT_AT, BOOT_AT + BOOT_BYTES)).toString('hex');
  const [, , schema, metrics] = list((item) => item, 5)(decodeCbor(payload), 'preface');
  return { boot, schema: int(1)(schema, 'schema'), metrics: prefaceMetrics(metrics, 'metrics') };
}

/**
 * Reads one payload of telemetry. Its MAC is looked at before anything else is read: E_SIGNATURE when it is not this
 * agent's, or of another start. Then E_CBOR, E_MESSAGE_SHAPE or E_FRAME for what is no batch of this version.
 */
export function openBatch(payload: Uint8Array, boot: string, secretHash: Uint8Array): Batch {
  checkMac(payload, boot, secretHash);
  return readBatch(payload);
}

/** The boot id is not sent: who knows it not, or takes a batch of another start for one of this, finds no MAC right. */
function checkMac(payload: Uint8Array, boot: string, secretHash: Uint8Array): void {
  const covered = payload.length - MAC_ITEM_BYTES;
  if (payload.length > LIMITS.payload || covered <= 0 || payload[covered] !== 0x40 + MAC_BYTES) {
    throw new SignatureError('telemetry without a MAC');
  }
  if (!endsInMac(boot, payload, covered, secretHash)) throw new SignatureError('telemetry with a wrong MAC');
}

/** The same for a reader who has no agent's secret, and can't look at the MAC. */
export function readBatch(payload: Uint8Array): Batch {
  return readDelta(payload) ?? readAny(payload);
}

/**
 * A payload of one delta, as nearly all are, without the general decoder; null for every other one, and for what is
 * written in some other way.
 */
function readDelta(payload: Uint8Array): Batch | null {
  if (payload[0] !== 0x83) return null;
  const [at, seq] = shortHead(payload, 1, CBOR.uint);
  const [start, length] = shortHead(payload, at, CBOR.bytes);
  const end = start + length;
  const isWhole = payload[end] === 0x40 + MAC_BYTES && payload.length === end + MAC_ITEM_BYTES;
  if (seq < 1 || length < 0 || !isWhole) return null;
  return { seq, frames: [payload.subarray(start, end)] };
}

/** A CBOR head of at most four bytes of argument: where it ends, and its argument, which is -1 for any other head. */
function shortHead(payload: Uint8Array, at: number, major: number): readonly [number, number] {
  const initial = payload[at] ?? 0xff;
  const info = initial & 31;
  if (initial >> 5 !== major || info > 26) return [at, -1];
  if (info < 24) return [at + 1, info];
  let argument = 0;
  const end = at + 1 + (1 << (info - 24));
  for (let i = at + 1; i < end; i++) argument = argument * 256 + (payload[i] ?? 0);
  return [end, argument];
}

function readAny(payload: Uint8Array): Batch {
  const [seq, ...rest] = list((item) => item, BATCH_MAX + 2)(decodeCbor(payload), 'frames');
  const frames = rest.slice(0, -1).map(wireFrame);
  if (frames.length === 0) throw new FrameError('E_FRAME', 'no frames');
  return { seq: int(1, Number.MAX_SAFE_INTEGER - BATCH_MAX)(seq, 'seq'), frames };
}

const prefaceMetrics = list((item, path) => {
  const [name, unit, scale] = list((part) => part, 3)(item, path);
  return metric({ name, unit, scale }, path);
}, LIMITS.metrics);

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
