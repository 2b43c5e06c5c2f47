/**
 * The NAB v1.1 score, standard profile, from its published formulas: A. Lavin and S. Ahmad, "Evaluating Real-time
 * Anomaly Detection Algorithms, the Numenta Anomaly Benchmark", 2015 (arXiv 1510.03336), section II, with the
 * probationary period and weights of NAB v1.1 (github.com/numenta/NAB). Written by us; nothing was copied.
 */

/** Standard profile: a hit and a miss weigh 1, a false alarm 0.11. */
const FALSE_ALARM = 0.11;
const PROBATION = { share: 0.15, most: 750 } as const;

/** First and last row of an anomaly window, both inside. */
export type Window = readonly [first: number, last: number];

export interface SeriesScore {
  /** Sum of windows and false alarms; the number of windows at best, minus that when nothing was found. */
  readonly raw: number;
  readonly windows: number;
  readonly hits: number;
  /** Alerts outside all windows and after probation. */
  readonly falseAlarms: number;
}

/** Rows at the start that do not count: a detector may learn there. */
export const probation = (rows: number): number => Math.floor(Math.min(PROBATION.share * rows, PROBATION.most));

/** 1 long before the right edge (y = -1), 0 at it, to -1 behind it; beyond three widths nothing more is lost. */
const sigmoid = (y: number): number => (y > 3 ? -1 : 2 / (1 + Math.exp(5 * y)) - 1);

/** Scores the rows that alerted, in rising order, against windows that do not overlap; one within probation does not count. */
export function scoreSeries(rows: number, labelled: readonly Window[], alerts: readonly number[]): SeriesScore {
  const first = probation(rows);
  const windows = labelled.filter(([, to]) => to >= first);
  const best = windows.map(() => -1);
  let cost = 0;
  let falseAlarms = 0;
  for (const row of alerts) {
    if (row < first) continue;
    const inside = windows.findIndex(([from, to]) => row >= from && row <= to);
    if (inside >= 0) {
      const [from, to] = windows[inside] ?? [0, 0];
      const y = -(to - row + 1) / (to - from + 1);
      best[inside] = Math.max(best[inside] ?? -1, sigmoid(y) / sigmoid(-1));
      continue;
    }
    falseAlarms++;
    const before = windows.findLast(([, to]) => to < row);
    cost += FALSE_ALARM * (before === undefined ? -1 : sigmoid((row - before[1]) / (before[1] - before[0])));
  }
  return {
    raw: best.reduce((sum, value) => sum + value, 0) + cost,
    windows: windows.length,
    hits: best.filter((value) => value > -1).length,
    falseAlarms,
  };
}

/** Series together: 100 is perfect, 0 is a detector that never fires. */
export function normalised(scores: readonly SeriesScore[]): number {
  const windows = scores.reduce((sum, one) => sum + one.windows, 0);
  const raw = scores.reduce((sum, one) => sum + one.raw, 0);
  return windows === 0 ? Number.NaN : (100 * (raw + windows)) / (2 * windows);
}
