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
    const exact = scaled(sensed.values, metrics);
    const { step } = this;
    const isDue = step === null || this.sinceKeyframe >= KEYFRAME_EVERY;
    const held = isDue ? exact : hold(exact, step.frame.values, metrics);
    const delta = isDue ? null : packDelta(step, { schema, ts, values: held });
    // A keyframe says everything as it is: what was held back is late by 19 samples at most.
    const values = delta === null ? exact : held;
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

/**
 * Where a metric has a deadband, what was sent before stands until the reading leaves it. Half of the scale is what
 * rounding may have cost already, so that together they stay within.
 */
function hold(
  values: readonly (number | null)[],
  before: readonly (number | null)[],
  metrics: readonly Metric[],
): readonly (number | null)[] {
  return values.map((value, i) => {
    const { deadband, scale = 1 } = metrics[i] ?? {};
    const last = before[i] ?? null;
    if (deadband === undefined || value === null || last === null) return value;
    return Math.abs(value - last) <= deadband / scale - 0.5 ? last : value;
  });
}
