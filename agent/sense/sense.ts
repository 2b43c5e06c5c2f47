/** One number of one sample. */
export interface Reading {
  /** For instance `cpu.percent`, or with a label `disk.used_percent[/var]`. */
  readonly name: string;
  readonly unit: string;
  /** The resolution that is kept: telemetry carries round(value / scale). */
  readonly scale: number;
  /** Null where there was nothing to read, or not yet: a rate needs two samples. */
  readonly value: number | null;
  /** The budget that the site declared for this metric, in its unit. */
  readonly limit?: number;
  /** False for what is not learned: a flag, a count of what hardly ever happens, or what follows from another metric. */
  readonly learn?: boolean;
}

/**
 * One way of looking at the host. `sample` is called at every interval with monotonic milliseconds, and may throw: the
 * sensor then reports nulls for what this sense said before, and counts the fault. It starts no process.
 */
export interface Sense {
  readonly name: string;
  sample(now: number): readonly Reading[] | Promise<readonly Reading[]>;
  /** Ends what it holds open, when it is switched off or the agent ends. Never throws. */
  close?(): void;
}

/** A metric's name with its label. */
export const labelled = (name: string, label: string): string => `${name}[${label}]`;

/** The two halves of a metric's name; the label is empty for a metric of the host as a whole. */
export function splitMetric(metric: string): { readonly base: string; readonly label: string } {
  const open = metric.indexOf('[');
  if (open < 0 || !metric.endsWith(']')) return { base: metric, label: '' };
  return { base: metric.slice(0, open), label: metric.slice(open + 1, -1) };
}

/** A share of a whole in percent; null when the whole is not a positive number. */
export function percent(part: number, whole: number): number | null {
  if (!Number.isFinite(part) || !Number.isFinite(whole) || whole <= 0) return null;
  return Math.min(100, Math.max(0, (100 * part) / whole));
}

/** Growth per second of a counter; null when time or the counter went backwards (a reset, a 32-bit wrap). */
export function perSecond(before: number, after: number, ms: number): number | null {
  if (!(ms > 0) || !(after >= before)) return null;
  return ((after - before) * 1_000) / ms;
}
