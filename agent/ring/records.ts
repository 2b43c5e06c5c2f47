import { crc32 } from 'node:zlib';
import { decodeCbor, encodeCbor } from '../../broker/cbor.ts';
import { LIMITS, type Metric, metric } from '../../broker/messages.ts';
import { int, list, pattern } from '../../broker/shape.ts';

/**
 * A record: CRC-32 (4 bytes), payload's length (2), kind (1), the segment's generation (4), payload. The CRC covers all
 * that is behind it. A record that was half written, or is left of an earlier time round, fails it and ends the segment.
 */
export const HEAD = 11;
export const KIND = { columns: 1, frame: 2, stored: 3 } as const;
const SEQ_BYTES = 6;

/** What the frames behind it hold. */
export interface Columns {
  readonly boot: string;
  readonly schema: number;
  readonly metrics: readonly Metric[];
}

export type RingRecord =
  | ({ readonly kind: typeof KIND.columns } & Columns)
  | { readonly kind: typeof KIND.frame; readonly seq: number; readonly frame: Uint8Array }
  /** The hub has said that it stored this start's frames so far. */
  | { readonly kind: typeof KIND.stored; readonly boot: string; readonly through: number };

export function encodeRecord(record: RingRecord, generation: number): Buffer {
  const payload = payloadOf(record);
  const bytes = Buffer.alloc(HEAD + payload.length);
  bytes.writeUInt16BE(payload.length, 4);
  bytes.writeUInt8(record.kind, 6);
  bytes.writeUInt32BE(generation, 7);
  bytes.set(payload, HEAD);
  bytes.writeUInt32BE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

function payloadOf(record: RingRecord): Uint8Array {
  switch (record.kind) {
    case KIND.columns:
      return encodeCbor([
        record.boot,
        record.schema,
        record.metrics.map(({ name, unit, scale }) => [name, unit, scale]),
      ]);
    case KIND.stored:
      return encodeCbor([record.boot, record.through]);
    case KIND.frame: {
      const bytes = Buffer.alloc(SEQ_BYTES + record.frame.length);
      bytes.writeUIntBE(record.seq, 0, SEQ_BYTES);
      bytes.set(record.frame, SEQ_BYTES);
      return bytes;
    }
  }
}

const boot = pattern(/^[0-9a-f]{16}$/, 'a boot id');
const tuple = (length: number) => list((item) => item, length);
const metrics = list((item, path) => {
  const [name, unit, scale] = tuple(3)(item, path);
  return metric({ name, unit, scale }, path);
}, LIMITS.metrics);

/** The record that begins here, with its generation and where the next one begins; null where there is none. */
export function readRecord(
  segment: Buffer,
  at: number,
): { readonly record: RingRecord; readonly generation: number; readonly next: number } | null {
  if (at + HEAD > segment.length) return null;
  const next = at + HEAD + segment.readUInt16BE(at + 4);
  if (next > segment.length || crc32(segment.subarray(at + 4, next)) !== segment.readUInt32BE(at)) return null;
  const generation = segment.readUInt32BE(at + 7);
  const payload = segment.subarray(at + HEAD, next);
  try {
    switch (segment[at + 6]) {
      case KIND.columns: {
        const [start, schema, list] = tuple(3)(decodeCbor(payload), 'columns');
        const columns = {
          boot: boot(start, 'boot'),
          schema: int(1)(schema, 'schema'),
          metrics: metrics(list, 'metrics'),
        };
        return { record: { kind: KIND.columns, ...columns }, generation, next };
      }
      case KIND.stored: {
        const [start, through] = tuple(2)(decodeCbor(payload), 'stored');
        return {
          record: { kind: KIND.stored, boot: boot(start, 'boot'), through: int()(through, 'through') },
          generation,
          next,
        };
      }
      case KIND.frame: {
        const seq = payload.readUIntBE(0, SEQ_BYTES);
        return { record: { kind: KIND.frame, seq, frame: payload.subarray(SEQ_BYTES) }, generation, next };
      }
      default:
        return null;
    }
  } catch {
    return null;
  }
}
