import { calibrationError } from '../eval/reliability.ts';

/** What an answer that rests on no word of the agent's is: one of a cause that is known, or a reading of what is there. */
export type Ground = 'known' | 'unknown';

/** Answers of one ground, and how many of them named the right cause first. */
export interface Judged {
  readonly answers: number;
  readonly right: number;
}

/**
 * First answers to three sets of scenarios by three strangers, who had seen neither the rules nor the playbooks (32, 24 and
 * 24), each by the rules as they were when they first met the set, before anything was mended by it. Right is what the
 * answer key says of the cause named first. Kept apart, so that what one set would say is measured by the others.
 *
 * How many kinds of evidence agree, whether a playbook or a person was named and whether lines, processes or changes are
 * cited was tried as well: none of them told right from wrong in all three sets (docs/evaluation.md).
 */
export const FIRST_ANSWERS: Readonly<Record<string, Readonly<Record<Ground, Judged>>>> = {
  'a first stranger': { known: { answers: 29, right: 17 }, unknown: { answers: 3, right: 0 } },
  'a second stranger': { known: { answers: 24, right: 16 }, unknown: { answers: 0, right: 0 } },
  'a third stranger': { known: { answers: 19, right: 9 }, unknown: { answers: 5, right: 0 } },
};

/** All sets but one together; all of them where none is left out. */
export function groundTable(without?: string): Readonly<Record<Ground, Judged>> {
  const sets = Object.entries(FIRST_ANSWERS).flatMap(([name, set]) => (name === without ? [] : [set]));
  const sum = (ground: Ground): Judged => ({
    answers: sets.reduce((all, set) => all + set[ground].answers, 0),
    right: sets.reduce((all, set) => all + set[ground].right, 0),
  });
  return { known: sum('known'), unknown: sum('unknown') };
}

/** What every such answer is bounded by. */
export const GROUNDS: Readonly<Record<Ground, Judged>> = groundTable();

/** What an answer is, by the class that it gives the trouble. */
export const groundOf = (cause: string): Ground => (cause === 'unknown' ? 'unknown' : 'known');

/** The most that an answer of this ground may claim: Laplace's estimate, so that few answers prove no certainty. */
export function groundCap(ground: Ground, table: Readonly<Record<Ground, Judged>> = GROUNDS): number {
  const { answers, right } = table[ground];
  return Math.floor(((right + 1) / (answers + 2)) * 100) / 100;
}

/** How far what the other sets would have said of one set's first answers is from how often they were right. */
export function leftOutError(name: string): number {
  const table = groundTable(name);
  const judged = (['known', 'unknown'] as const).flatMap((ground) => {
    const { answers, right } = FIRST_ANSWERS[name]?.[ground] ?? { answers: 0, right: 0 };
    return Array.from({ length: answers }, (_, i) => ({ said: groundCap(ground, table), right: i < right }));
  });
  return calibrationError(judged) ?? 0;
}
