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
  private at = 0;

  write(columns: number, { frame, dt }: Step): Uint8Array {
    const { seq, ts, values } = frame;
    const length = HEAD + values.length;
    this.makeRoom(ARRAY_BYTES + length * NUMBER_BYTES);
    const start = this.at;
    if (length < 16) this.slab[this.at++] = PACKED.shortArray | length;
    else this.integer(PACKED.array, length, 2);
    this.number(columns);
    this.number(seq);
    this.number(ts);
    this.number(dt);
    for (const value of values) {
      if (value === null) this.slab[this.at++] = PACKED.null;
      else this.number(value);
    }
    return this.slab.subarray(start, this.at);
  }

  private makeRoom(bytes: number): void {
    if (this.slab.length - this.at >= bytes) return;
    this.slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.at = 0;
  }

  /** An integer in the fewest bytes; past 32 bits as a float, which holds every safe integer. */
  private number(value: number): void {
    if (value >= -32 && value < 128) this.slab[this.at++] = value & 0xff;
    else if (value >= 0 && value < 2 ** 8) this.integer(PACKED.uint8, value, 1);
    else if (value >= 0 && value < 2 ** 16) this.integer(PACKED.uint16, value, 2);
    else if (value >= 0 && value < 2 ** 32) this.integer(PACKED.uint32, value, 4);
    else if (value < 0 && value >= -(2 ** 7)) this.integer(PACKED.int8, value, 1);
    else if (value < 0 && value >= -(2 ** 15)) this.integer(PACKED.int16, value, 2);
    else if (value < 0 && value >= -(2 ** 31)) this.integer(PACKED.int32, value, 4);
    else {
      this.slab[this.at++] = PACKED.float;
      this.at = this.slab.writeDoubleBE(value, this.at);
    }
  }

  private integer(head: number, value: number, bytes: number): void {
    const { slab } = this;
    slab[this.at++] = head;
    for (let shift = (bytes - 1) * 8; shift >= 0; shift -= 8) slab[this.at++] = (value >>> shift) & 0xff;
  }
}
