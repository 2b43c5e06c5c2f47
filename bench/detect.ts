import { Learner } from '../agent/detect/learner.ts';
import { THRESHOLD } from '../agent/detect/settings.ts';
import { type LabelledSeries, readCorpus } from './nab/corpus.ts';
import { normalised, probation, type SeriesScore, scoreSeries } from './nab/score.ts';
import { type Emit, percentile } from './row.ts';

/** The aims of detection on the development half. */
const AIM = { nab: 68, falseAlarms: 0.1 } as const;
/** Thresholds that cross-validation may choose from: the default, and by quarters around it. */
const SHARES = [0.5, 0.75, 1, 1.25, 1.5, 2] as const;
const DAY_MS = 86_400_000;
/** A series at 30 s for the cost: two weeks, so that the memory is full. */
const COST = { samples: 40_320, every: 30_000, rounds: 5 } as const;

/** The shipping detector on NAB's development half, its cross-validation by file, and its cost per sample. */
export async function detectBench(emit: Emit): Promise<boolean> {
  const corpus = await readCorpus();
  const row = (metric: string, value: number, unit: string) => emit({ bench: 'detect', metric, value, unit });
  const scores = corpus.map((series) => score(series, THRESHOLD.medium));
  const nab = normalised(scores);
  const falseAlarms = total(scores, 'falseAlarms') / corpus.reduce((sum, series) => sum + days(series), 0);
  row('nab_dev', nab, 'score');
  row('false_alarms_per_metric_day', falseAlarms, '1/day');
  const worst = corpus.map((series, i) => (scores[i]?.falseAlarms ?? 0) / days(series));
  row('false_alarms_per_metric_day_worst_file', Math.max(...worst), '1/day');
  row('windows_hit', total(scores, 'hits'), 'windows');
  row('windows', total(scores, 'windows'), 'windows');
  crossValidate(corpus, row);
  row('us_per_sample', cost(), 'us');
  row('state_bytes_per_metric', new Learner({ interval: COST.every }).toBytes().length, 'B');
  return nab >= AIM.nab && falseAlarms <= AIM.falseAlarms;
}

/**
 * Leave one file out: the threshold is chosen on the other files and scored on the one left out. Beside it, how far the
 * default's score moves when any one file is left out: 19 windows are few, and the spread says how few.
 */
function crossValidate(corpus: readonly LabelledSeries[], row: (m: string, v: number, u: string) => void): void {
  const table = SHARES.map((share) => corpus.map((series) => score(series, share * THRESHOLD.medium)));
  const without = (scores: readonly SeriesScore[], file: number) => normalised(scores.filter((_, i) => i !== file));
  const held = corpus.flatMap((_, file) => {
    const best = table.reduce((a, b) => (without(b, file) > without(a, file) ? b : a));
    return best.slice(file, file + 1);
  });
  row('nab_leave_one_file_out', normalised(held), 'score');
  const chosen = table[SHARES.indexOf(1)] ?? [];
  const spread = corpus.map((_, file) => without(chosen, file));
  row('nab_dev_without_one_file_min', Math.min(...spread), 'score');
  row('nab_dev_without_one_file_max', Math.max(...spread), 'score');
  const each = chosen.map((one) => normalised([one]));
  row('nab_per_file_median', percentile(each, 0.5), 'score');
  row('nab_per_file_min', Math.min(...each), 'score');
  for (const [i, share] of SHARES.entries()) {
    const scores = table[i] ?? [];
    row(`nab_dev_at_${share}_threshold`, normalised(scores), 'score');
  }
}

const total = (scores: readonly SeriesScore[], field: 'hits' | 'windows' | 'falseAlarms'): number =>
  scores.reduce((sum, one) => sum + one[field], 0);

/** Days that are scored. */
const days = ({ ts }: LabelledSeries): number => ((ts.at(-1) ?? 0) - (ts[probation(ts.length)] ?? 0)) / DAY_MS;

function score({ ts, values, windows }: LabelledSeries, threshold: number): SeriesScore {
  const learner = new Learner({ threshold });
  const alerts = ts.flatMap((at, i) => (learner.add(at, values[i] ?? Number.NaN)?.alert === true ? [i] : []));
  return scoreSeries(ts.length, windows, alerts);
}

/** Microseconds per sample, the best of some rounds: the machine may be busy with others. */
function cost(): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < COST.rounds; round++) {
    const learner = new Learner();
    const started = performance.now();
    for (let i = 0; i < COST.samples; i++)
      learner.add(i * COST.every, 40 + 20 * Math.sin(i / 458) + ((i * 7919) % 101) / 20);
    best = Math.min(best, ((performance.now() - started) * 1_000) / COST.samples);
  }
  return best;
}
