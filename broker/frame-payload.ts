import { decodeCbor, encodeCbor } from './cbor.ts';
import { CBOR, FrameBytes, FrameError, TS_MAX } from './frame-bytes.ts';
import { Heads } from './frame-heads.ts';
import { type Frame, LIMITS, type Metric, metric } from './messages.ts';
import { bytes, int, list, nullable } from './shape.ts';
import { SignatureError } from './signed.ts';
import { endsInMac, MAC_BYTES, telemetryMac } from './telemetry-mac.ts';

/** Version of the format: every keyframe names it, and deltas are of their keyframe's version. */
export const FRAME_VERSION = 1;
/** Frames in one publish: at one a minute this is an hour, which is as late as telemetry may be. */
export const BATCH_MAX = 60;
/** The first of a batch may have this number: the last one's is a safe integer too. */
const SEQ_MAX = Number.MAX_SAFE_INTEGER - BATCH_MAX;
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
  return readOne(payload) ?? readAny(payload);
}

/**
 * A payload of one frame, as nearly all are, without the general decoder; null for every other one, and for what is
 * written in some other way.
 */
function readOne(payload: Uint8Array): Batch | null {
  if (payload[0] !== 0x83) return null;
  const heads = new Heads(payload, 1);
  const seq = heads.argument(CBOR.uint);
  if (seq < 1 || seq > SEQ_MAX) return null;
  const frame = heads.major === CBOR.bytes ? readDelta(payload, heads) : readKeyframe(heads);
  const isWhole = payload[heads.at] === 0x40 + MAC_BYTES && payload.length === heads.at + MAC_ITEM_BYTES;
  return frame !== null && isWhole ? { seq, frames: [frame] } : null;
}

function readDelta(payload: Uint8Array, heads: Heads): Uint8Array | null {
  const length = heads.argument(CBOR.bytes);
  if (length < 0 || length > payload.length - heads.at) return null;
  const start = heads.at;
  heads.at += length;
  return payload.subarray(start, heads.at);
}

function readKeyframe(heads: Heads): WireFrame | null {
  const length = heads.argument(CBOR.array) - 3;
  if (length < 0 || length > LIMITS.metrics || heads.argument(CBOR.uint) !== FRAME_VERSION) return null;
  const schema = heads.argument(CBOR.uint);
  const ts = heads.argument(CBOR.uint);
  if (schema < 1 || ts < 0 || ts > TS_MAX) return null;
  const values: (number | null)[] = [];
  for (let i = 0; i < length; i++) {
    const value = heads.value();
    if (value === undefined) return null;
    values.push(value);
  }
  return { schema, ts, values };
}

function readAny(payload: Uint8Array): Batch {
  const [seq, ...rest] = list((item) => item, BATCH_MAX + 2)(decodeCbor(payload), 'frames');
  const frames = rest.slice(0, -1).map(wireFrame);
  if (frames.length === 0) throw new FrameError('E_FRAME', 'no frames');
  return { seq: int(1, SEQ_MAX)(seq, 'seq'), frames };
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
    ts: int(0, TS_MAX)(ts, 'ts'),
    values: values(rest, 'values'),
  };
}
