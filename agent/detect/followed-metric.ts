import { splitMetric } from '../sense/sense.ts';
import type { Consensus, Witness } from './consensus.ts';
import type { LearnedMetric } from './learned-metric.ts';
import type { Limit } from './limit.ts';
import type { LimitedMetric } from './limited-metric.ts';

/**
 * One metric that is followed: what it is held against, and who it is in its family. All of that is found by its name once,
 * and not for each sample.
 */
export class FollowedMetric {
  readonly name: string;
  readonly limit: Limit | undefined;
  limited: LimitedMetric | null = null;
  learned: LearnedMetric | null = null;
  /** The number of the last sample that had it. */
  turn = 0;
  /** It has partners, and all of them are as usual. */
  readonly isAlone: (ts: number) => boolean;
  readonly #join: () => Witness | null;
  /** Undefined before it was noted. */
  #witness: Witness | null | undefined;

  constructor(name: string, limits: ReadonlyMap<string, Limit>, consensus: Consensus) {
    const { base } = splitMetric(name);
    this.name = name;
    this.limit = limits.get(base);
    this.isAlone = (ts) => consensus.company(base, ts) === 'alone';
    this.#join = () => consensus.witness(name, base);
  }

  /** Neither a limit nor anything learned is kept for it. */
  get isBare(): boolean {
    return this.limited === null && this.learned === null;
  }

  /** It was said, as a limit or as unusual, and has not recovered. */
  get active(): boolean {
    return this.limited?.active === true || this.learned?.active === true;
  }

  /** Tells its family what it is now. */
  note(ts: number, isUnusual: boolean): void {
    if (this.#witness === undefined) this.#witness = this.#join();
    if (this.#witness === null) return;
    this.#witness.seen = ts;
    this.#witness.isUnusual = isUnusual;
  }
}
