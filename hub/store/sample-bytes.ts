import type { Step } from '../../broker/frame-delta.ts';

/** [columns, seq, ts, dt] before the values. */
export const HEAD = 4;
/** Heads of MessagePack, which is what the store's own encoder writes. */
const PACKED = {
  shortArray: 0x90,
  array: 0xdc,
  null: 0xc0,
  float: 0xcb,
  uint8: 0xcc,
  uint16: 0xcd,
  uint32: 0xce,
  int8: 0xd0,
  int16: 0xd1,
  int32: 0xd2,
} as const;
const ARRAY_BYTES = 3;
const NUMBER_BYTES = 9;
const SLAB_BYTES = 65_536;

/**
 * Writes samples as the store keeps them, [columns, seq, ts, dt, value ...], right from the frame: built as an array and
 * packed by the general encoder, each of its numbers costs an object more. Samples are written side by side into memory
 * that is not used again, so that they may wait for their transaction.
 */
export class SampleWriter {
  private slab = Buffer.alloc(0);
  private used = 0;

  write(columns: number, { frame, dt }: Step): Uint8Array {
    const { seq, ts, values } = frame;
    const length = HEAD + values.length;
    const slab = this.room(ARRAY_BYTES + length * NUMBER_BYTES);
    const start = this.used;
    let at = start;
    if (length < 16) slab[at++] = PACKED.shortArray | length;
    else at = packInteger(slab, at, PACKED.array, length, 2);
    at = packNumber(slab, at, columns);
    at = packNumber(slab, at, seq);
    at = packNumber(slab, at, ts);
    at = packNumber(slab, at, dt);
    for (const value of values) {
      if (value === null) slab[at++] = PACKED.null;
      else at = packNumber(slab, at, value);
    }
    this.used = at;
    return slab.subarray(start, at);
  }

  /** Where so many bytes can be written from `used` on. */
  private room(bytes: number): Buffer {
    if (this.slab.length - this.used < bytes) {
      this.slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.used = 0;
    }
    return this.slab;
  }
}

/** Writes an integer in the fewest bytes, past 32 bits as a float, which holds every safe integer; answers where it ends. */
function packNumber(to: Buffer, at: number, value: number): number {
  if (value >= 0) {
    if (value < 2 ** 7) return packInteger(to, at, value, 0, 0);
    if (value < 2 ** 8) return packInteger(to, at, PACKED.uint8, value, 1);
    if (value < 2 ** 16) return packInteger(to, at, PACKED.uint16, value, 2);
    if (value < 2 ** 32) return packInteger(to, at, PACKED.uint32, value, 4);
  } else {
    if (value >= -32) return packInteger(to, at, value, 0, 0);
    if (value >= -(2 ** 7)) return packInteger(to, at, PACKED.int8, value, 1);
    if (value >= -(2 ** 15)) return packInteger(to, at, PACKED.int16, value, 2);
    if (value >= -(2 ** 31)) return packInteger(to, at, PACKED.int32, value, 4);
  }
  to[at] = PACKED.float;
  return to.writeDoubleBE(value, at + 1);
}

/** A head, and so many bytes of an integer behind it. */
function packInteger(to: Buffer, at: number, head: number, value: number, bytes: number): number {
  to[at] = head;
  for (let i = 1; i <= bytes; i++) to[at + i] = value >>> ((bytes - i) * 8);
  return at + 1 + bytes;
}
