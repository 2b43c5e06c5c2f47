import type { Evidence, EvidenceItem } from '../evidence/evidence.ts';
import { addressesReader } from '../evidence/injection.ts';
import type { Claim } from '../incident.ts';

/**
 * What an answer rests on beside the alert itself: nothing, one kind of evidence (a line, a process, a change, or what
 * the look at the host found), or several kinds that agree.
 */
export type Support = 'signal' | 'one' | 'several';

/** Answers of one kind of support, and how many of them named the right cause first. */
export interface Judged {
  readonly answers: number;
  readonly right: number;
}

/**
 * Measured on the first answers to 32 scenarios that somebody wrote who had seen neither the rules nor the playbooks,
 * before anything was mended by them (several: 7 of 9, one: 8 of 15, signal: 2 of 8), and on our own 18 held-out ones:
 * right is what the answer key says of the cause named first.
 */
export const SUPPORT: Readonly<Record<Support, Judged>> = {
  several: { answers: 20, right: 18 },
  one: { answers: 20, right: 13 },
  signal: { answers: 10, right: 4 },
};

/** The kinds of evidence that the claims cite, the alert and what only repeats it left out. */
export function supportOf(chain: readonly Claim[], evidence: Evidence): Support {
  const cited = new Set(chain.flatMap((claim) => claim.evidence));
  const kinds = new Set(evidence.items.filter((item) => cited.has(item.id) && isMore(item)).map(({ kind }) => kind));
  return kinds.size === 0 ? 'signal' : kinds.size === 1 ? 'one' : 'several';
}

const isMore = ({ kind, text }: EvidenceItem): boolean =>
  kind !== 'metric' && kind !== 'mount' && !(kind === 'fact' && text.startsWith('also ')) && !addressesReader(text);

/** The most that an answer of this support may claim: Laplace's estimate, so that few answers prove no certainty. */
export function supportCap(support: Support, table: Readonly<Record<Support, Judged>> = SUPPORT): number {
  const { answers, right } = table[support];
  return Math.floor(((right + 1) / (answers + 2)) * 100) / 100;
}
