import { explain } from '../agent/detect/explain.ts';
import type { Finding } from '../agent/detect/finding.ts';
import type { Limit } from '../agent/detect/limit.ts';
import { LimitedMetric } from '../agent/detect/limited-metric.ts';
import { LIMITS } from '../agent/detect/limits.ts';
import { severityOfSigma } from '../agent/detect/severity.ts';
import { UNTREATED } from './noise.ts';
import type { Random } from './random.ts';

/** Milliseconds between two samples of a metric that is looked at seldom; the others by the agent's own interval. */
const SECONDS = 1_000;
const CALM_SAMPLES = 12;
/** A budget that a site declares, by the metric's name. */
const BUDGETS: Readonly<Record<string, number>> = {
  'group.memory_mib': 512,
  'group.cpu_percent': 80,
  'group.restarts_per_minute': 6,
  'group.open_files': 2_000,
  'group.processes': 64,
  'folder.used_mib': 2_048,
  'folder.entries': 20_000,
  'log.errors_per_minute': 10,
  'log.lines_per_minute': 3_000,
};

const UNITS: readonly (readonly [RegExp, string])[] = [
  [/percent$/, '%'],
  [/_mib$/, 'MiB'],
  [/_per_minute$/, '/min'],
  [/_per_s$/, '/s'],
  [/hours_left$|_h$/, 'h'],
  [/days_left$/, 'days'],
  [/_ms$/, 'ms'],
  [/_s$/, 's'],
  [/margin_c$/, '°C'],
];

/** The limit behind a signal: the agent's own table. Throws an Error for a signal that no agent sends. */
export function limitOf(signal: string): Limit {
  const found = LIMITS.find((limit) => limit.signal === signal);
  if (found === undefined) throw new Error(`no agent sends ${signal}`);
  return found;
}

/** What the agent's own detector says when a metric goes from calm to trouble; the numbers are drawn. */
export function findingOf(random: Random, signal: string, label: string, now: number): Finding {
  const limit = limitOf(signal);
  const name = label === '' ? limit.metric : `${limit.metric}[${label}]`;
  const bound = limit.at === 'declared' ? (BUDGETS[limit.metric] ?? 10) : limit.at;
  const unit = UNITS.find(([pattern]) => pattern.test(limit.metric))?.[1] ?? '';
  const reading = { name, unit, scale: 0.01, value: null, limit: bound };
  const metric = new LimitedMetric(name, limit);
  const interval = Math.max(2 * SECONDS, Math.ceil(limit.ms / 8));
  const { calm, bad } = levels(random, limit, bound);
  const steps = limit.samples + Math.ceil(limit.ms / interval) + 1;
  let ts = now - (CALM_SAMPLES + steps) * interval;
  for (let i = 0; i < CALM_SAMPLES; i++, ts += interval)
    metric.feed(ts, reading, rounded(calm * (1 + (random.next() - 0.5) / 20)));
  for (let i = 0; i <= steps; i++, ts += interval) {
    const finding = metric.feed(ts, reading, rounded(bad + (i * (bad - calm)) / 200));
    if (finding !== null) return finding;
  }
  throw new Error(`${name} at ${bad} is no trouble to the detector`);
}

function levels(random: Random, limit: Limit, bound: number): { readonly calm: number; readonly bad: number } {
  if (limit.healthy === 'above')
    return { calm: bound * (3 + random.next() * 4), bad: bound * (0.2 + random.next() * 0.6) };
  const whole = bound <= 5;
  const most =
    limit.full === undefined ? bound * (1.3 + random.next() * 3) : bound + (limit.full - bound) * random.next();
  return {
    calm: whole ? 0 : bound * (0.2 + random.next() * 0.5),
    bad: whole ? Math.ceil(most) : Math.max(bound, most),
  };
}

/** A metric without a limit that behaves as it never did: what its learner says. */
export function unusual(random: Random): Finding {
  const { metric, unit, usual } = random.pick(UNTREATED);
  const value = rounded(usual * (4 + random.next() * 9));
  const z = 1 + random.next() * 4;
  const sigma = 3 + 6 * z;
  const high = rounded(usual * 1.6);
  const novelty = { z, fast: z, statistic: 'level', value, low: 0, high, width: high, slices: 96 } as const;
  return {
    ...{ kind: 'anomaly', signal: metric, metric, value, limit: { value: high, healthy: 'below' }, sigma },
    severity: severityOfSigma(sigma),
    reason: `${explain(metric.charAt(0).toUpperCase() + metric.slice(1), unit, novelty, 900_000)}.`,
    fingerprint: `${metric}:host`,
    baseline: { mean: usual, sd: usual / 5 },
  };
}

const rounded = (value: number): number => Math.round(value * 100) / 100;
