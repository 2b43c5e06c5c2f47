import { CALIBRATION } from './calibration-table.ts';

/** Held-out faults whose best fix had a score from `from` up to the next bin, and how many of these fixes were right. */
export interface Bin {
  readonly from: number;
  readonly faults: number;
  readonly right: number;
}

/** One-sided, 95 %: what is claimed is too high in at most one of twenty such tables. */
const Z = 1.645;

/**
 * The lower end of Wilson's interval for `right` of `faults`: what a few successes in a row are worth. 25 of 25 are 0.90,
 * 52 of 52 are 0.95.
 */
export function wilsonLow(right: number, faults: number): number {
  if (faults === 0) return 0;
  const rate = right / faults;
  const z2 = (Z * Z) / faults;
  const spread = Z * Math.sqrt((rate * (1 - rate) + z2 / 4) / faults);
  return Math.max(0, (rate + z2 / 2 - spread) / (1 + z2));
}

/** How often a playbook was run at this site for such trouble, and how often it helped. */
export interface Outcomes {
  readonly ran: number;
  readonly helped: number;
}

/** Below what was measured a score is only a score: never sure enough for more than a person's approval. */
const UNMEASURED = 0.69;

/**
 * How sure a score of `rules` is, or with its own table a model's probability, 0..1: what its bin held out proves, together with what the same playbook has done for
 * such trouble at this site, rounded down, and never more.
 */
export function calibrated(
  score: number,
  { record, table = CALIBRATION }: { readonly record: Outcomes; readonly table?: readonly Bin[] },
): number {
  const bin = table.findLast(({ from }) => score >= from);
  if (bin === undefined) return Math.min(UNMEASURED, score);
  return Math.floor(wilsonLow(bin.right + record.helped, bin.faults + record.ran) * 100) / 100;
}
