import { timingSafeEqual } from 'node:crypto';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { telemetryMac } from './enroll.ts';
import { type Frame, LIMITS, type Metric } from './messages.ts';
import { bytes, int, list, nullable, ShapeError } from './shape.ts';
import { SignatureError } from './signed.ts';

/**
 * Telemetry on the wire: [frame, mac]. A frame is a positional array whose first item is its kind, so that packed
 * deltas can join the keyframes: [0, schema, seq, ts, [round(value / scale) ...]].
 */
const KEYFRAME = 0;
const scaled = list(nullable(int(-Number.MAX_SAFE_INTEGER)), LIMITS.metrics);

/** Encodes one sample as a keyframe with its MAC. `values` stand in the order of the birth's metrics. */
export function encodeFrame(frame: Frame, metrics: readonly Metric[], secretHash: Uint8Array): Uint8Array {
  const values = frame.values.map((value, i) => {
    const scale = metrics[i]?.scale ?? 1;
    const rounded = value === null ? null : Math.round(value / scale);
    // One reading that no integer holds must not cost the others.
    return rounded === null || !Number.isSafeInteger(rounded) ? null : rounded;
  });
  const body = encodeCbor([KEYFRAME, frame.schema, frame.seq, frame.ts, values]);
  return encodeCbor([body, telemetryMac(body, secretHash)]);
}

/** A frame whose values are still scaled integers: the birth's metrics say what they mean. */
export function decodeFrame(payload: Uint8Array, secretHash: Uint8Array): Frame {
  const outer = decodeCbor(payload);
  if (!Array.isArray(outer) || outer.length !== 2) throw new ShapeError('', '[frame, mac]');
  const body = bytes(LIMITS.payload)(outer[0], 'frame');
  const mac = bytes(16, true)(outer[1], 'mac');
  if (!timingSafeEqual(mac, telemetryMac(body, secretHash))) throw new SignatureError('telemetry with a wrong MAC');
  const inner = decodeCbor(body);
  if (!Array.isArray(inner) || inner.length !== 5 || inner[0] !== KEYFRAME) throw new ShapeError('frame', 'a keyframe');
  return {
    schema: int(1)(inner[1], 'schema'),
    seq: int()(inner[2], 'seq'),
    ts: int()(inner[3], 'ts'),
    values: scaled(inner[4], 'values'),
  };
}

/** Scaled integers back to values in each metric's unit, by name. */
export function unscale(frame: Frame, metrics: readonly Metric[]): Map<string, number | null> {
  return new Map(
    metrics.map((metric, i) => {
      const value = frame.values[i] ?? null;
      return [metric.name, value === null ? null : value * metric.scale];
    }),
  );
}
