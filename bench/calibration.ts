import { calibrated } from '../hub/reason/calibration.ts';
import { scoredFaults } from './calibration-rows.ts';
import type { Emit } from './row.ts';

/**
 * The aims on faults that nothing was fitted to. What is shown is a lower bound, so it errs to the low side on purpose:
 * what matters is that it is not too high.
 */
const AIM = { ece: 0.15, overconfidence: 0.05, rightAlone: 0.9 } as const;
/** From here on a rule may let a plan run alone. */
const ALONE_FROM = 0.9;

/** How far the confidence of `rules` is from how often it is right, on the check half of the held-out faults. */
export async function calibrationBench(emit: Emit): Promise<boolean> {
  const scored = (await scoredFaults('check')).map(({ score, right }) => ({
    said: calibrated(score, { record: { ran: 0, helped: 0 } }),
    right,
  }));
  const row = (metric: string, value: number, unit: string) => emit({ bench: 'calibration', metric, value, unit });
  const bins = [...new Set(scored.map(({ said }) => said))].map((said) => {
    const same = scored.filter((one) => one.said === said);
    return { said, faults: same.length, rate: same.filter(({ right }) => right).length / same.length };
  });
  const weighed = (of: (bin: (typeof bins)[number]) => number) =>
    bins.reduce((sum, bin) => sum + (of(bin) * bin.faults) / scored.length, 0);
  const ece = weighed(({ said, rate }) => Math.abs(said - rate));
  const overconfidence = weighed(({ said, rate }) => Math.max(0, said - rate));
  const alone = scored.filter(({ said }) => said >= ALONE_FROM);
  const rightAlone = alone.filter(({ right }) => right).length / alone.length;
  row('faults', scored.length, 'faults');
  row('expected_calibration_error', ece, 'share');
  row('overconfidence', overconfidence, 'share');
  row('sure_enough_to_run_alone', alone.length, 'faults');
  row('right_of_these', rightAlone, 'share');
  row('brier', scored.reduce((sum, { said, right }) => sum + (said - Number(right)) ** 2, 0) / scored.length, 'score');
  return ece <= AIM.ece && overconfidence <= AIM.overconfidence && rightAlone >= AIM.rightAlone;
}
