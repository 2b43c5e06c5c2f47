import type { Bin } from '../hub/reason/calibration.ts';
import type { Scored } from './calibration-rows.ts';

/** A bin with fewer faults than this says too little by itself: it is joined with its neighbour. */
const FEWEST = 10;

/**
 * Isotonic regression with few bins: scores in order, neighbours joined until a higher score is never less often right
 * (pool adjacent violators), then until each bin holds enough faults.
 */
export function fitCalibration(scored: readonly Scored[]): readonly Bin[] {
  const bins: Bin[] = [];
  const joinLast = () => {
    const [before, last] = bins.splice(-2);
    if (before !== undefined && last !== undefined)
      bins.push({ from: before.from, faults: before.faults + last.faults, right: before.right + last.right });
  };
  const isOutOfOrder = () => {
    const [before, last] = bins.slice(-2);
    return bins.length > 1 && before !== undefined && last !== undefined && rate(before) >= rate(last);
  };
  for (const score of [...new Set(scored.map(({ score }) => score))].sort((a, b) => a - b)) {
    const same = scored.filter((one) => one.score === score);
    bins.push({ from: score, faults: same.length, right: same.filter(({ right }) => right).length });
    while (isOutOfOrder()) joinLast();
  }
  const wide: Bin[] = [];
  for (const bin of bins) {
    const last = wide.at(-1);
    if (last !== undefined && (last.faults < FEWEST || bin.faults < FEWEST))
      wide[wide.length - 1] = { from: last.from, faults: last.faults + bin.faults, right: last.right + bin.right };
    else wide.push(bin);
  }
  return wide;
}

const rate = ({ right, faults }: Bin): number => right / faults;
