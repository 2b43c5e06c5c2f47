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
 * First answers to three sets of scenarios, before anything was mended by them: two of strangers, who had seen neither the
 * rules nor the playbooks (32 and 24), and our own 18 held-out ones. Right is what the answer key says of the cause named
 * first. Kept apart, so that what one set would say is measured by the other two.
 */
export const FIRST_ANSWERS: Readonly<Record<string, Readonly<Record<Support, Judged>>>> = {
  'a first stranger': {
    several: { answers: 9, right: 7 },
    one: { answers: 15, right: 8 },
    signal: { answers: 8, right: 2 },
  },
  'a second stranger': {
    several: { answers: 14, right: 9 },
    one: { answers: 7, right: 4 },
    signal: { answers: 3, right: 3 },
  },
  'our own': {
    several: { answers: 11, right: 11 },
    one: { answers: 5, right: 5 },
    signal: { answers: 2, right: 2 },
  },
};

/** All sets but one together; all of them where none is left out. */
export function supportTable(without?: string): Readonly<Record<Support, Judged>> {
  const sets = Object.entries(FIRST_ANSWERS).flatMap(([name, set]) => (name === without ? [] : [set]));
  const sum = (support: Support): Judged => ({
    answers: sets.reduce((all, set) => all + set[support].answers, 0),
    right: sets.reduce((all, set) => all + set[support].right, 0),
  });
  return { several: sum('several'), one: sum('one'), signal: sum('signal') };
}

/** What every answer is bounded by. */
export const SUPPORT: Readonly<Record<Support, Judged>> = supportTable();

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
