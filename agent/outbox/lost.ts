import { existsSync, readFileSync } from 'node:fs';
import { writeDurably } from '../../broker/durable-file.ts';
import { LOST_MAX, type LostStretch, lostStretch } from '../../broker/messages.ts';
import { list } from '../../broker/shape.ts';

/**
 * Which messages fell off the end before the hub had stored them: on the disk, and in every birth, until the hub has said
 * that it knows.
 */
export class Lost {
  readonly #file: string;
  #ranges: readonly LostStretch[];

  /** A file that can't be read says nothing: what it said is a gap in the numbers all the same. */
  constructor(file: string) {
    this.#file = file;
    this.#ranges = readRanges(file);
  }

  /** Oldest first. */
  all(): readonly LostStretch[] {
    return this.#ranges;
  }

  get count(): number {
    return this.#ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  }

  add(boot: string, seq: number): void {
    const last = this.#ranges.at(-1);
    const follows = last?.boot === boot && seq === last.to + 1;
    const joined = follows ? [...this.#ranges.slice(0, -1), { ...last, to: seq }] : undefined;
    // With very many stretches the oldest is told no more, as the oldest message was not kept.
    this.#save(joined ?? [...this.#ranges, { boot, from: seq, to: seq }].slice(-LOST_MAX));
  }

  /** The hub has noted everything of this boot between these two. */
  noted(boot: string, from: number, to: number): void {
    const left = this.#ranges.filter((one) => one.boot !== boot || one.from < from || one.to > to);
    if (left.length < this.#ranges.length) this.#save(left);
  }

  #save(ranges: readonly LostStretch[]): void {
    this.#ranges = ranges;
    try {
      writeDurably(this.#file, JSON.stringify(ranges));
    } catch {
      // A full disk: it is told from memory, and after a restart shows as a gap alone.
    }
  }
}

function readRanges(file: string): readonly LostStretch[] {
  if (!existsSync(file)) return [];
  try {
    return list(lostStretch, LOST_MAX)(JSON.parse(readFileSync(file, 'utf8')), '');
  } catch {
    return [];
  }
}
