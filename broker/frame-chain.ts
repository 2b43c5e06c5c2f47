import { FrameError } from './frame-bytes.ts';
import { type Step, unpackDelta } from './frame-delta.ts';
import type { Batch, WireFrame } from './frame-payload.ts';

/** Where a reader stands with one start of one agent. */
export interface Chain {
  /** Sequence number of the newest frame that was taken; 0 before the first. */
  readonly last: number;
  /** That frame, when deltas can follow it. */
  readonly step: Step | null;
  /** Without it: how far frames that were taken before were followed again, to find the place. */
  readonly past?: Step;
}

/** Sequence numbers that never came, both ends included. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

export interface Followed {
  readonly chain: Chain;
  /** Whole frames, each with values as scaled integers, and with what a delta after it builds on. */
  readonly steps: readonly Step[];
  readonly gaps: readonly Gap[];
  /** The frames that were not taken, and why. */
  readonly dropped: readonly FrameError[];
}

/** What the agent's birth says that its frames hold. */
export interface Expected {
  readonly schema: number;
  readonly metrics: { readonly length: number };
}

/**
 * Applies a batch to a chain. Nothing is guessed: a delta is taken only right after its predecessor and under the same
 * metrics, a keyframe only when it is newer, and everything else is named and dropped.
 */
export function followBatch(chain: Chain, batch: Batch, expected: Expected): Followed {
  const steps: Step[] = [];
  const gaps: Gap[] = [];
  const dropped: FrameError[] = [];
  let { last, step, past = null } = chain;
  let seq = batch.seq - 1;
  for (const wire of batch.frames) {
    seq++;
    try {
      if (seq <= last) {
        if (step === null) past = replayed(past, wire, seq, expected);
        if (seq === last) step ??= past;
        throw new FrameError('E_FRAME_OLD', `frame ${seq} after frame ${last}`);
      }
      const next = apply(step, wire, seq, expected);
      if (seq > last + 1) gaps.push({ from: last + 1, to: seq - 1 });
      step = next;
      last = seq;
      steps.push(next);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      // A delta that can't be read leaves its successors without the values that they build on; being late does not.
      if (error.code === 'E_FRAME') step = null;
      dropped.push(error);
    }
  }
  const next = step === null && past !== null ? { last, step, past } : { last, step };
  return { chain: next, steps, gaps, dropped };
}

/** Follows frames that are old; null when they can't be read. Nothing of them is taken. */
function replayed(past: Step | null, wire: WireFrame, seq: number, expected: Expected): Step | null {
  try {
    return apply(past, wire, seq, expected);
  } catch {
    return null;
  }
}

function apply(step: Step | null, wire: WireFrame, seq: number, expected: Expected): Step {
  if (wire instanceof Uint8Array) {
    if (step === null || seq !== step.frame.seq + 1 || step.frame.schema !== expected.schema) {
      throw new FrameError('E_FRAME_GAP', `frame ${seq} builds on one that is not here`);
    }
    return unpackDelta(step, wire);
  }
  if (wire.schema !== expected.schema || wire.values.length !== expected.metrics.length) {
    throw new FrameError('E_FRAME_SCHEMA', `frame ${seq} without the birth that explains it`);
  }
  return { frame: { ...wire, seq }, dt: 0 };
}
