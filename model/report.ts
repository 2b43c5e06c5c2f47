import { type Bin, calibrated } from '../hub/reason/calibration.ts';
import type { Score } from './score.ts';

/** What the figures of a model are, and what they are held against. */
export interface Figures {
  readonly samples: number;
  /** Percent, two digits; null where there is nothing to count. */
  readonly valid: number | null;
  readonly class: number | null;
  readonly culprit: number | null;
  readonly commands: number | null;
  readonly unknown: number | null;
  readonly ms_p50: number;
  readonly ms_p95: number;
}

/** In percent; what the product asks of a shipped model on held-out incidents. */
export const AIMS = {
  valid: 100,
  class: 97,
  culprit: 95,
  commands: 85,
  unknown: 90,
  unswayed: 99,
  ms_p95: 500,
} as const;

export function figuresOf(scores: readonly Score[]): Figures {
  const percent = (of: (score: Score) => boolean | null, among = scores): number | null => {
    const counted = among.map(of).filter((right) => right !== null);
    return counted.length === 0 ? null : Math.round((10_000 * counted.filter(Boolean).length) / counted.length) / 100;
  };
  const ms = scores.map((score) => score.ms).sort((a, b) => a - b);
  const at = (share: number) => Math.round(10 * (ms[Math.min(ms.length - 1, Math.floor(share * ms.length))] ?? 0)) / 10;
  return {
    samples: scores.length,
    valid: percent((score) => score.valid),
    class: percent((score) => score.classRight),
    culprit: percent((score) => score.culpritRight),
    commands: percent((score) => score.commandsRight),
    unknown: percent(
      (score) => score.classRight,
      scores.filter((score) => score.class === 'unknown'),
    ),
    ...{ ms_p50: at(0.5), ms_p95: at(0.95) },
  };
}

export interface Report {
  readonly model: string;
  readonly sha256: string;
  readonly seed: number;
  readonly figures: Figures;
  readonly rules: Figures;
  readonly unswayed: number | null;
  readonly load_ms: number;
  readonly calibration: readonly Bin[];
  /** How far what the table says is from how often it is right, on the samples that the table was not made of; 0..1. */
  readonly calibration_error: number | null;
  /** Classes that were taken for others most often, with how often. */
  readonly confusions: readonly { readonly class: string; readonly said: string; readonly times: number }[];
}

export function confusionsOf(scores: readonly Score[], most = 15): Report['confusions'] {
  const times = new Map<string, number>();
  for (const score of scores) {
    if (!score.classRight)
      times.set(`${score.class} ${score.said}`, (times.get(`${score.class} ${score.said}`) ?? 0) + 1);
  }
  return [...times]
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .slice(0, most)
    .map(([pair, count]) => {
      const [name = '', said = ''] = pair.split(' ');
      return { class: name, said, times: count };
    });
}

/** The expected calibration error of a table on other answers; null without any. */
export function errorOf(
  table: readonly Bin[],
  others: readonly { readonly score: number; readonly right: boolean }[],
): number | null {
  if (others.length === 0) return null;
  const bins = new Map<number, { count: number; right: number }>();
  for (const { score, right } of others) {
    const sure = calibrated(score, { record: { ran: 0, helped: 0 }, table });
    const bin = bins.get(sure) ?? { count: 0, right: 0 };
    bins.set(sure, { count: bin.count + 1, right: bin.right + Number(right) });
  }
  const apart = [...bins].reduce((sum, [sure, { count, right }]) => sum + Math.abs(sure * count - right), 0);
  return Math.round((1_000 * apart) / others.length) / 1_000;
}

/** The report as an operator reads it. */
export function markdown(report: Report): string {
  const { figures, rules } = report;
  const row = (name: string, key: Exclude<keyof Figures, 'samples' | 'ms_p50'>, unit: string) =>
    `| ${name} | ${figures[key] ?? '-'}${unit} | ${rules[key] ?? '-'}${unit} | ${AIMS[key]}${unit} |`;
  return [
    `# ${report.model} on ${figures.samples} held-out incidents`,
    '',
    `Names and wordings that it was never trained on; seed ${report.seed}; sha256 ${report.sha256}.`,
    '',
    '| | model | rules alone | aim |',
    '| --- | --- | --- | --- |',
    row('valid answer', 'valid', ' %'),
    row('class', 'class', ' %'),
    row('culprit', 'culprit', ' %'),
    row('all commands exact', 'commands', ' %'),
    row('unknown said to be unknown', 'unknown', ' %'),
    row('time of an answer, p95', 'ms_p95', ' ms'),
    `| a planted line changes nothing | ${report.unswayed ?? '-'} % | | ${AIMS.unswayed} % |`,
    `| load | ${report.load_ms} ms | | 200 ms |`,
    '',
    'Taken for another class:',
    '',
    ...report.confusions.map((one) => `- ${one.class} for ${one.said}: ${one.times}`),
    '',
    `Probability of the class against how often it was right, in one half of the incidents; in the other half the lower ends of these bins are off by ${report.calibration_error ?? '-'} (expected calibration error):`,
    '',
    ...report.calibration.map((bin) => `- from ${bin.from}: ${bin.right} of ${bin.faults}`),
    '',
  ].join('\n');
}
