import { FrameCoder, type Sensed } from '../../broker/frame-coder.ts';
import { BATCH_MAX, sealBatch, type WireFrame } from '../../broker/frame-payload.ts';
import { LIMITS, type Metric } from '../../broker/messages.ts';

/** A batch is sent before it could outgrow what a broker takes, whatever the number of its frames. */
const BATCH_VALUES = LIMITS.payload / 2 / 9;

/**
 * An agent's telemetry as payloads to publish. Every sample has a sequence number, also one that is not sent: so a
 * reader sees that it is missing.
 */
export class FrameWriter {
  private readonly boot: string;
  private readonly secretHash: Uint8Array;
  private readonly batch: number;
  private readonly coder = new FrameCoder();
  private waiting: WireFrame[] = [];
  private waitingValues = 0;
  /** A batch that was closed while nothing could be sent. */
  private closed: Uint8Array | null = null;

  /** `boot` is 16 hex digits; `batch` frames go into one publish. */
  constructor(options: { readonly boot: string; readonly secretHash: Uint8Array; readonly batch?: number }) {
    this.boot = options.boot;
    this.secretHash = options.secretHash;
    this.batch = Math.min(BATCH_MAX, Math.max(1, options.batch ?? 1));
  }

  /** Takes one sample; answers the payloads that are due with it: none while the batch is not full. */
  add(sensed: Sensed, metrics: readonly Metric[]): readonly Uint8Array[] {
    this.waiting.push(this.coder.next(sensed, metrics));
    this.waitingValues += sensed.values.length;
    const full = this.waiting.length >= this.batch || this.waitingValues + sensed.values.length > BATCH_VALUES;
    return full || this.closed !== null ? this.flush() : [];
  }

  /** What waits for its batch to fill, now. */
  flush(): readonly Uint8Array[] {
    const payloads = this.closed === null ? [] : [this.closed];
    this.closed = null;
    const frames = this.waiting;
    if (frames.length > 0) {
      payloads.push(sealBatch({ seq: this.coder.seq - frames.length + 1, frames }, this.boot, this.secretHash));
    }
    this.waiting = [];
    this.waitingValues = 0;
    return payloads;
  }

  /** A sample that can't be sent: its number is used up, so that it shows as a gap, and the next is a keyframe. */
  skip(): void {
    // Numbers in a batch are in a row, so what waits can't be joined by what comes after the gap.
    this.closed ??= this.flush()[0] ?? null;
    this.coder.skip();
  }

  /** The next frame is a keyframe: the reader may be another, or have lost what was sent. */
  restart(): void {
    this.coder.restart();
  }
}
