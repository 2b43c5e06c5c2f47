import type { Severity } from '../../broker/messages.ts';

/** When one metric means trouble. */
export interface Limit {
  /** What playbooks match on. */
  readonly signal: string;
  /** The metric's name without its label. */
  readonly metric: string;
  /** What the metric is, in a sentence; `%` stands for the label. */
  readonly what: string;
  /** Where the value is healthy: `below` the limit unless it says `above`. */
  readonly healthy?: 'above';
  /** From this value on it is trouble; `declared` takes the site's budget, and is silent where there is none. */
  readonly at: number | 'declared';
  /** Trouble must last: for so many samples in a row, and for so long. What happens once, as a kill, needs one sample. */
  readonly samples: number;
  readonly ms: number;
  readonly severity: Severity;
  /** From this value on it is critical. */
  readonly critical?: number;
  /** Where the resource ends, in the metric's unit, so that the time until then can be told. */
  readonly full?: number;
  /** Why this limit. */
  readonly why: string;
}

/** A single sample is never an incident: a garbage collection or a backup's first second looks the same. */
export const SAMPLES = 3;

/** Back to normal is this share of the limit below it: a value that swings around the limit is one trouble, not many. */
export const HYSTERESIS = 0.05;
/** Samples in a row that must be back to normal. */
export const RECOVERY_SAMPLES = 3;
/** An anomaly that goes on is said again at most this often, so that a hub that missed it hears of it. */
export const REPEAT_MS = 60_000;
