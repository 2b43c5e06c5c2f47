/**
 * Why a frame was not taken: it can't be read, is not newer than what was taken, has no predecessor here, or names
 * metrics that no birth of this start explains.
 */
export class FrameError extends Error {
  readonly code: 'E_FRAME' | 'E_FRAME_OLD' | 'E_FRAME_GAP' | 'E_FRAME_SCHEMA';
  constructor(code: FrameError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** 8 groups of 7 bits hold every safe integer. */
const VARINT_BYTES = 8;
/** CBOR major types (RFC 8949 section 3.1), and the simple value null. */
export const CBOR = { uint: 0, nint: 1, bytes: 2, array: 4, null: 0xf6 } as const;

/**
 * Writes frames: CBOR heads, and varints. cbor-x is not used here because it writes integers beyond 32 bits as floats,
 * and a frame is to be read by any decoder as what it is.
 */
export class FrameBytes {
  private readonly out: number[] = [];

  /** A CBOR head: major type and argument, in the shortest form. */
  head(major: number, argument: number): this {
    const type = major << 5;
    if (argument < 24) this.out.push(type | argument);
    else {
      const [info, size] =
        argument < 0x100 ? [24, 1] : argument < 0x1_0000 ? [25, 2] : argument < 0x1_0000_0000 ? [26, 4] : [27, 8];
      this.out.push(type | info);
      for (let at = size - 1; at >= 0; at--) this.out.push(Math.floor(argument / 256 ** at) % 256);
    }
    return this;
  }

  /** A safe integer, or null, as CBOR. */
  value(value: number | null): this {
    if (value === null) this.out.push(CBOR.null);
    else if (value < 0) this.head(CBOR.nint, -1 - value);
    else this.head(CBOR.uint, value);
    return this;
  }

  byteString(bytes: Uint8Array): this {
    return this.head(CBOR.bytes, bytes.length).raw(bytes);
  }

  raw(bytes: Iterable<number>): this {
    for (const byte of bytes) this.out.push(byte);
    return this;
  }

  /** A whole number up to 2^53 - 1: seven bits a byte, the lowest first, the top bit set on all but the last. */
  varint(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.out.push((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.out.push(rest);
    return this;
  }

  get length(): number {
    return this.out.length;
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.out);
  }
}

/** Reads what `varint` and `raw` wrote; throws E_FRAME where the bytes end early or say too much. */
export class FrameReader {
  private at = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Goes over so many bytes, and answers where they begin. */
  skip(length: number): number {
    if (length > this.bytes.length - this.at) throw new FrameError('E_FRAME', 'a delta is cut short');
    this.at += length;
    return this.at - length;
  }

  varint(): number {
    // Most say one small difference.
    const first = this.bytes[this.at] ?? 0x80;
    if (first < 0x80) {
      this.at++;
      return first;
    }
    let value = 0;
    for (let i = 0; i < VARINT_BYTES; i++) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new FrameError('E_FRAME', 'a delta is cut short');
      value += (byte & 0x7f) * 0x80 ** i;
      if (byte >= 0x80) continue;
      if (value > Number.MAX_SAFE_INTEGER) break;
      return value;
    }
    throw new FrameError('E_FRAME', 'a number beyond 2^53');
  }

  end(): void {
    if (this.at !== this.bytes.length) throw new FrameError('E_FRAME', 'a delta with bytes after its end');
  }
}

/** The latest time that a Date holds. */
export const TS_MAX = 8_640_000_000_000_000;

/** The largest difference that a varint carries once its sign is folded in. */
export const DIFFERENCE_MAX = 2 ** 52 - 1;

/** 0, -1, 1, -2, 2 ... to 0, 1, 2, 3, 4 ...: small differences of either sign are small numbers. */
export const zigzag = (n: number): number => (n < 0 ? -2 * n - 1 : 2 * n);
export const unzigzag = (n: number): number => (n % 2 === 0 ? n / 2 : -(n + 1) / 2);
