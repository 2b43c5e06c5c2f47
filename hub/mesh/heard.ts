import type { Store } from '../store/store.ts';

/** A stretch of sequence numbers, both ends included. */
export type Stretch = readonly [from: number, to: number];

/**
 * Stretches of one start that are not joined. An agent brings what waited in another order than it was said in, and keeps
 * at most 2,000 messages; past this somebody makes numbers up.
 */
const STRETCHES_MAX = 2_048;

/** A start whose numbers leave too many holes. */
export class ScatteredError extends Error {
  readonly code = 'E_SCATTERED';
}

/** What of one start's events and results is stored here, or known to be lost: stretches in order, none touching another. */
export function heardOf(store: Store, agent: string, boot: string): readonly Stretch[] {
  const heard = store.heard.get([agent, boot]);
  if (heard !== undefined) return heard;
  // Of a store that was written when numbers came in order: the highest stood for all below it.
  const highest = store.handled.get([agent, boot, 'e']);
  return highest === undefined ? [] : [[0, highest]];
}

/** Everything up to here is heard; 0 when the first message is not. */
export function throughOf(heard: readonly Stretch[]): number {
  const [first] = heard;
  return first !== undefined && first[0] <= 1 ? first[1] : 0;
}

/** The stretch that this number is in. */
export function stretchOf(heard: readonly Stretch[], seq: number): Stretch | undefined {
  return heard.find(([from, to]) => from <= seq && seq <= to);
}

/** The parts of a stretch that are not heard. */
export function missingOf(heard: readonly Stretch[], [from, to]: Stretch): readonly Stretch[] {
  const missing: Stretch[] = [];
  let next = from;
  for (const [first, last] of heard) {
    if (last < next) continue;
    if (first > to) break;
    if (first > next) missing.push([next, first - 1]);
    next = last + 1;
  }
  return next <= to ? [...missing, [next, to]] : missing;
}

/** Inside a transaction: this stretch is heard. Throws ScatteredError, and writes nothing, when there are too many. */
export function putHeard(store: Store, agent: string, boot: string, [from, to]: Stretch): void {
  const heard = heardOf(store, agent, boot);
  const touching = heard.filter(([first, last]) => first <= to + 1 && last >= from - 1);
  const joined: Stretch = [
    Math.min(from, ...touching.map(([first]) => first)),
    Math.max(to, ...touching.map(([, last]) => last)),
  ];
  const others = heard.filter((one) => !touching.includes(one));
  if (others.length >= STRETCHES_MAX) throw new ScatteredError(`${agent} said numbers with ${others.length} holes`);
  void store.heard.put(
    [agent, boot],
    [...others, joined].sort(([a], [b]) => a - b),
  );
}
