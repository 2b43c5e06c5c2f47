/** How a model is made to think: all in one answer, or in stages. */
export const WAYS = ['single', 'staged'] as const;
export type Way = (typeof WAYS)[number];

/** The way that a word names; undefined for any other. */
export const wayNamed = (word: string): Way | undefined => WAYS.find((way) => way === word);
