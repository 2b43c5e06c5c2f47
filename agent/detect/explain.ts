import type { Novelty } from './baseline.ts';
import { spoken, spokenSeconds, withUnit } from './finding.ts';
import { CRITICAL_SIGMA } from './severity.ts';

/** An envelope spans about three sigma to each side. */
const SIGMAS_INSIDE = 3;

/** How many sigma from the middle of its envelope, by the envelope's own width. */
export const sigmaOf = ({ z }: Novelty): number => SIGMAS_INSIDE + 2 * SIGMAS_INSIDE * z;

/** How sure a detection is, from 0 to 1: where severity has its top, nothing is more certain. */
export const confidenceOf = (sigma: number): number => Math.min(1, sigma / CRITICAL_SIGMA);

/** One sentence with numbers: what is unusual, against what. `slice` in milliseconds, `what` a noun phrase. */
export function explain(what: string, unit: string, novelty: Novelty, slice: number): string {
  const { statistic, value, low, high, z, slices } = novelty;
  const known = spokenSeconds((slices * slice) / 1_000);
  const range = `${spoken(low)} to ${withUnit(high, unit)}`;
  const hour = spokenSeconds(slice / 1_000);
  if (z === 0) return `${what}: within what ${known} showed`;
  const side = value > high ? 'above' : 'below';
  const far = `by ${spoken(z)} of its usual width`;
  switch (statistic) {
    case 'level':
      return `${what}: ${withUnit(value, unit)}, ${side} the ${range} of ${known}, ${far}`;
    case 'mean':
      return `${what}: ${withUnit(value, unit)} on average over ${hour}, ${side} the ${range} of ${known}, ${far}`;
    case 'slow':
      return `${what}: ${withUnit(value, unit)} on average over half a day, ${side} the ${range} of ${known}, ${far}`;
    case 'spread':
      return `${what}: varies by ${withUnit(value, unit)} within ${hour}, ${side} the ${range} of ${known}, ${far}`;
    case 'season':
      return `${what}: ${withUnit(value, unit)} on average outside the ${range} that this time of day had in ${known}, ${far}`;
    default:
      return statistic satisfies never;
  }
}
