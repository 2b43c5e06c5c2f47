import { Encoder } from 'cbor-x';

/**
 * CBOR (RFC 8949) as the mesh speaks it: definite lengths, string keys, no tags. cbor-x writes it; reading is our own,
 * because what arrives is hostile and a general decoder follows tags, records and lengths that the sender chose.
 */
export const CBOR_LIMITS = {
  /** Deeper than any message of ours (a snapshot is 6 deep). */
  depth: 16,
  /** Items in all, keys and values counted: bounds time and memory for one payload. */
  items: 50_000,
} as const;

export class CborError extends Error {
  readonly code = 'E_CBOR';
}

const encoder = new Encoder({
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  tagUint8Array: false,
  structuredClone: false,
});

/**
 * One value as CBOR bytes, which `decodeCbor` reads. A key without a value (`undefined`) is left out, and half of a
 * surrogate pair becomes U+FFFD: text that was cut in the middle of a character must not cost the whole message.
 */
export function encodeCbor(value: unknown): Uint8Array {
  const first = encoder.encode(value);
  const bytes = mayBeUnreadable(first) ? encoder.encode(readable(value)) : first;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** 0xf7 is `undefined`, 0xed 0xa0..0xbf is half a pair in UTF-8; either may also be part of a number, and often is. */
function mayBeUnreadable(bytes: Uint8Array): boolean {
  if (bytes.includes(0xf7)) return true;
  for (let at = bytes.indexOf(0xed); at !== -1; at = bytes.indexOf(0xed, at + 1)) {
    if (((bytes[at + 1] ?? 0) & 0xe0) === 0xa0) return true;
  }
  return false;
}

function readable(value: unknown): unknown {
  if (typeof value === 'string') return Buffer.from(value, 'utf8').toString('utf8');
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || value instanceof Map) return value;
  const kept = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(kept.map(([key, one]) => [readable(key), readable(one)]));
}

/** Reads exactly one CBOR value from all of `bytes`; throws CborError on anything else. */
export function decodeCbor(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.at !== bytes.length) throw new CborError(`${bytes.length - reader.at} bytes after the value`);
  return value;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

class Reader {
  at = 0;
  private items = 0;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  value(depth: number): unknown {
    if (depth > CBOR_LIMITS.depth) throw new CborError('nested too deep');
    if (++this.items > CBOR_LIMITS.items) throw new CborError('too many items');
    this.need(1);
    const initial = this.view.getUint8(this.at++);
    const major = initial >> 5;
    const info = initial & 31;
    if (major === 7) return this.simpleOrFloat(info);
    const argument = this.argument(info);
    switch (major) {
      case 0:
        return argument;
      case 1:
        return -1 - argument;
      case 2:
        // Not slice: of a Buffer it is a view, and what was read must not change with the buffer that it came in.
        return new Uint8Array(this.take(argument));
      case 3:
        return this.text(argument);
      case 4:
        return this.array(argument, depth);
      case 5:
        return this.map(argument, depth);
      default:
        throw new CborError('a tag: none is part of the protocol');
    }
  }

  private array(length: number, depth: number): unknown[] {
    // Every item takes at least one byte: a length beyond what is left is a lie, refused before it is allocated.
    this.need(length);
    return Array.from({ length }, () => this.value(depth + 1));
  }

  private map(length: number, depth: number): Record<string, unknown> {
    this.need(length * 2);
    const map: Record<string, unknown> = Object.create(null);
    for (let i = 0; i < length; i++) {
      const key = this.value(depth + 1);
      if (typeof key !== 'string') throw new CborError('a map key that is not text');
      if (key in map) throw new CborError('a key twice in one map');
      map[key] = this.value(depth + 1);
    }
    return map;
  }

  private text(length: number): string {
    try {
      return utf8.decode(this.take(length));
    } catch (error) {
      if (error instanceof CborError) throw error;
      throw new CborError('text that is not UTF-8');
    }
  }

  /** RFC 8949 section 3: values up to 23 stand in the initial byte, 24..27 say how many bytes follow. */
  private argument(info: number): number {
    if (info < 24) return info;
    const size = info <= 27 ? 1 << (info - 24) : 0;
    if (size === 0) throw new CborError('an indefinite or reserved length');
    this.need(size);
    const at = this.at;
    this.at += size;
    if (size === 1) return this.view.getUint8(at);
    if (size === 2) return this.view.getUint16(at);
    if (size === 4) return this.view.getUint32(at);
    const big = this.view.getBigUint64(at);
    if (big > BigInt(Number.MAX_SAFE_INTEGER)) throw new CborError('an integer beyond 2^53');
    return Number(big);
  }

  private simpleOrFloat(info: number): boolean | null | number {
    if (info === 20) return false;
    if (info === 21) return true;
    if (info === 22) return null;
    if (info === 25) return this.half();
    const size = info === 26 ? 4 : info === 27 ? 8 : 0;
    if (size === 0) throw new CborError('an unknown simple value');
    this.need(size);
    const at = this.at;
    this.at += size;
    return size === 4 ? this.view.getFloat32(at) : this.view.getFloat64(at);
  }

  /** Half-precision float, RFC 8949 appendix D. */
  private half(): number {
    this.need(2);
    const bits = this.view.getUint16(this.at);
    this.at += 2;
    const exponent = (bits >> 10) & 31;
    const mantissa = bits & 1023;
    const sign = bits & 0x8000 ? -1 : 1;
    if (exponent === 0) return sign * mantissa * 2 ** -24;
    if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    return sign * (mantissa + 1024) * 2 ** (exponent - 25);
  }

  private take(length: number): Uint8Array {
    this.need(length);
    const slice = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return slice;
  }

  private need(count: number): void {
    if (count > this.bytes.length - this.at) throw new CborError('cut short');
  }
}
