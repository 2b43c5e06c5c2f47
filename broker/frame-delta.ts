import { DIFFERENCE_MAX, FrameBytes, FrameError, FrameReader, TS_MAX, unzigzag, zigzag } from './frame-bytes.ts';
import type { Frame } from './messages.ts';

/** A frame that a delta can follow: the frame, and the milliseconds since the one before (0 for a keyframe). */
export interface Step {
  readonly frame: Frame;
  readonly dt: number;
}

/** Written for a value that becomes null: a difference of 0 would not have been marked as changed. */
const BECOMES_NULL = 0;

/**
 * What changed since `last`, packed: how much the interval differs from the last one, a bit for each value that
 * changed (the first value is the lowest bit of the first byte), then for each of these its difference; from null, its
 * value. Null when only a keyframe can say it: other metrics, or a jump that no varint holds.
 */
export function packDelta(last: Step, next: Omit<Frame, 'seq'>): Uint8Array | null {
  const { ts, schema, values: before } = last.frame;
  const { values } = next;
  const jitter = next.ts - ts - last.dt;
  if (schema !== next.schema || before.length !== values.length || !fits(jitter)) return null;
  const mask = new Uint8Array(Math.ceil(values.length / 8));
  const changes = new FrameBytes();
  for (const [i, value] of values.entries()) {
    const known = before[i] ?? null;
    if (value === known) continue;
    mask[i >> 3] = (mask[i >> 3] ?? 0) | (1 << (i & 7));
    const difference = value === null ? BECOMES_NULL : value - (known ?? 0);
    if (!fits(difference)) return null;
    changes.varint(zigzag(difference));
  }
  return new FrameBytes().varint(zigzag(jitter)).raw(mask).raw(changes.bytes()).bytes();
}

const fits = (difference: number): boolean => Math.abs(difference) <= DIFFERENCE_MAX;

/** The frame that follows `last`. Throws E_FRAME when the bytes are not exactly a delta for that many values. */
export function unpackDelta(last: Step, bytes: Uint8Array): Step {
  const { frame } = last;
  const reader = new FrameReader(bytes);
  const dt = last.dt + unzigzag(reader.varint());
  const ts = frame.ts + dt;
  if (!Number.isSafeInteger(ts) || ts < 0 || ts > TS_MAX) throw new FrameError('E_FRAME', 'a time out of range');
  const length = Math.ceil(frame.values.length / 8);
  const mask = reader.skip(length);
  const values = frame.values.slice();
  for (let i = 0; i < values.length; i++) {
    if (((bytes[mask + (i >> 3)] ?? 0) & (1 << (i & 7))) === 0) continue;
    const code = reader.varint();
    const value = values[i] ?? null;
    if (value !== null && code === BECOMES_NULL) {
      values[i] = null;
      continue;
    }
    const next = (value ?? 0) + unzigzag(code);
    if (!Number.isSafeInteger(next)) throw new FrameError('E_FRAME', 'a value beyond 2^53');
    values[i] = next;
  }
  reader.end();
  const spare = frame.values.length & 7;
  if (spare !== 0 && (bytes[mask + length - 1] ?? 0) >> spare !== 0)
    throw new FrameError('E_FRAME', 'a change of no value');
  return { frame: { schema: frame.schema, seq: frame.seq + 1, ts, values }, dt };
}
