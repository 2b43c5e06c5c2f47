/** A line longer than this is skipped, and counted: journalctl cuts messages of 4 kB and more by itself. */
export const MAX_LINE = 65_536;
const NEWLINE = 0x0a;

/**
 * Cuts a stream of bytes into lines, whatever the pieces are. At most one line of 64 KiB is held; what is longer is
 * dropped up to its end.
 */
export class Lines {
  #rest: Buffer = Buffer.alloc(0);
  #dropping = false;
  #skipping = false;
  /** Lines that were too long. */
  tooLong = 0;

  /** Calls `each` with every line that `chunk` ends, without its end. The bytes are only valid during the call. */
  feed(chunk: Buffer, each: (line: Buffer) => void): void {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const piece = chunk.subarray(from, end);
      from = end + 1;
      const length = this.#rest.length + piece.length;
      if (this.#skipping) {
        this.#skipping = false;
        this.#dropping = false;
      } else if (this.#dropping || length > MAX_LINE) {
        this.tooLong++;
        this.#dropping = false;
      } else {
        each(this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]));
      }
      this.#rest = Buffer.alloc(0);
    }
    const rest = chunk.subarray(from);
    if (this.#dropping || rest.length === 0) return;
    if (this.#rest.length + rest.length > MAX_LINE) {
      this.#dropping = true;
      this.#rest = Buffer.alloc(0);
    } else {
      // A copy: the stream's own memory is larger, and would be held for as long as the rest of a line.
      this.#rest = Buffer.concat([this.#rest, rest]);
    }
  }

  /** Bytes were left out: what follows up to the next end is the rest of a line that nobody saw begin. */
  skip(): void {
    this.#rest = Buffer.alloc(0);
    this.#skipping = true;
  }

  /** What has no end yet; then nothing is held. */
  take(): Buffer {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    this.#dropping = false;
    this.#skipping = false;
    return rest;
  }
}
