import { packDelta, type Step } from './frame-delta.ts';
import type { WireFrame } from './frame-payload.ts';
import { scaled } from './frames.ts';
import type { Metric } from './messages.ts';

/** A reader that lost a frame is blind until the next keyframe; 20 cost it little and us 5 bytes a sample. */
export const KEYFRAME_EVERY = 20;

/** One sample as it was sensed: values in their units, in the order of the metrics. */
export interface Sensed {
  readonly schema: number;
  /** Milliseconds since the epoch. */
  readonly ts: number;
  readonly values: readonly (number | null)[];
}

/** Numbers an agent's samples, and turns each into a keyframe or into what changed since the one before. */
export class FrameCoder {
  private newest = 0;
  private step: Step | null = null;
  private sinceKeyframe = 0;

  /** The number of the newest sample; 0 before the first. */
  get seq(): number {
    return this.newest;
  }

  next(sensed: Sensed, metrics: readonly Metric[]): WireFrame {
    const { schema } = sensed;
    const ts = Math.max(0, Math.round(sensed.ts));
    const values = scaled(sensed.values, metrics);
    const { step } = this;
    const delta =
      step === null || this.sinceKeyframe >= KEYFRAME_EVERY ? null : packDelta(step, { schema, ts, values });
    this.newest++;
    this.step = {
      frame: { schema, seq: this.newest, ts, values },
      dt: delta === null || step === null ? 0 : ts - step.frame.ts,
    };
    this.sinceKeyframe = delta === null ? 1 : this.sinceKeyframe + 1;
    return delta ?? { schema, ts, values };
  }

  /** A sample that can't be sent: its number is used up, so that it shows as a gap, and the next is a keyframe. */
  skip(): void {
    if (this.newest > 0) this.newest++;
    this.step = null;
  }

  /** The next frame is a keyframe: its reader may be another, or have lost what was before. */
  restart(): void {
    this.step = null;
  }
}
