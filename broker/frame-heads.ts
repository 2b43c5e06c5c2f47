import { CBOR } from './frame-bytes.ts';

/**
 * Reads what a batch of one frame is made of (RFC 8949 section 3): heads of integers, arrays and byte strings, in a row.
 * Whoever meets anything else leaves the bytes to the general decoder, which says what is wrong with them.
 */
export class Heads {
  /** Where the next item begins. */
  at: number;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  /** The major type of the next item; that of simple values where there is none. */
  get major(): number {
    return (this.bytes[this.at] ?? 0xff) >> 5;
  }

  /** Goes over a head, and answers its argument; -1 where it is of another type, cut short, or no safe integer. */
  argument(major: number): number {
    const { bytes } = this;
    const initial = bytes[this.at] ?? 0xff;
    const info = initial & 31;
    if (initial >> 5 !== major || info > 27) return -1;
    this.at++;
    if (info < 24) return info;
    const end = this.at + (1 << (info - 24));
    if (end > bytes.length) return -1;
    let argument = 0;
    while (this.at < end) argument = argument * 256 + (bytes[this.at++] ?? 0);
    return argument <= Number.MAX_SAFE_INTEGER ? argument : -1;
  }

  /** Goes over an integer or null; undefined where it is neither, or no safe integer. */
  value(): number | null | undefined {
    const { major } = this;
    if (major === CBOR.uint || major === CBOR.nint) {
      const argument = this.argument(major);
      if (argument < 0) return undefined;
      if (major === CBOR.uint) return argument;
      return argument < Number.MAX_SAFE_INTEGER ? -1 - argument : undefined;
    }
    return this.bytes[this.at++] === CBOR.null ? null : undefined;
  }
}
