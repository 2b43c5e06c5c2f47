import { packDelta, type Step } from './frame-delta.ts';
import { BATCH_MAX, sealBatch, type WireFrame } from './frame-payload.ts';
import { scaled } from './frames.ts';
import { LIMITS, type Metric } from './messages.ts';

/** A reader that lost a frame is blind until the next keyframe; 20 cost it little and us 5 bytes a sample. */
export const KEYFRAME_EVERY = 20;
/** A batch is sent before it could outgrow what a broker takes, whatever the number of its frames. */
const BATCH_VALUES = LIMITS.payload / 2 / 9;

/** One sample as it was sensed: values in their units, in the order of the metrics. */
export interface Sensed {
  readonly schema: number;
  /** Milliseconds since the epoch. */
  readonly ts: number;
  readonly values: readonly (number | null)[];
}

/**
 * An agent's telemetry as payloads to publish. Every sample has a sequence number, also one that is not sent: so a
 * reader sees that it is missing.
 */
export class FrameWriter {
  private readonly boot: string;
  private readonly secretHash: Uint8Array;
  private readonly batch: number;
  private seq = 0;
  private step: Step | null = null;
  private sinceKeyframe = 0;
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
    const { schema } = sensed;
    const ts = Math.max(0, Math.round(sensed.ts));
    const values = scaled(sensed.values, metrics);
    const { step } = this;
    const delta =
      step === null || this.sinceKeyframe >= KEYFRAME_EVERY ? null : packDelta(step, { schema, ts, values });
    const frame = { schema, seq: ++this.seq, ts, values };
    this.step = { frame, dt: delta === null || step === null ? 0 : ts - step.frame.ts };
    this.sinceKeyframe = delta === null ? 1 : this.sinceKeyframe + 1;
    this.waiting.push(delta ?? { schema, ts, values });
    this.waitingValues += values.length;
    const full = this.waiting.length >= this.batch || this.waitingValues + values.length > BATCH_VALUES;
    return full || this.closed !== null ? this.flush() : [];
  }

  /** What waits for its batch to fill, now. */
  flush(): readonly Uint8Array[] {
    const payloads = this.closed === null ? [] : [this.closed];
    this.closed = null;
    const frames = this.waiting;
    if (frames.length > 0) {
      payloads.push(sealBatch({ seq: this.seq - frames.length + 1, frames }, this.boot, this.secretHash));
    }
    this.waiting = [];
    this.waitingValues = 0;
    return payloads;
  }

  /** A sample that can't be sent: its number is used up, so that it shows as a gap, and the next is a keyframe. */
  skip(): void {
    // Numbers in a batch are in a row, so what waits can't be joined by what comes after the gap.
    this.closed ??= this.flush()[0] ?? null;
    if (this.seq > 0) this.seq++;
    this.step = null;
  }

  /** The next frame is a keyframe: the reader may be another, or have lost what was sent. */
  restart(): void {
    this.step = null;
  }
}
