import type { Evidence } from '../evidence/evidence.ts';
import { oneLine } from '../evidence/words.ts';
import { withNames } from './llama-answer.ts';
import type { Watcher } from './reasoner.ts';
import { THOUGHT_LIMITS, type Thinking } from './thinking.ts';

/** One reasoner's thought: it is written to until it ends, and shown only till then. */
export interface Thought extends Watcher {
  end(): void;
}

/** What the reasoners of a hub are thinking now, for whoever looks at an incident: in memory alone, and bounded. */
export class Thoughts {
  readonly #open = new Set<OpenThought>();

  /** Begins one. `since` is in milliseconds; `evidence` is what it is about, and whose names stand for slots. */
  begin(by: string, evidence: Evidence, since: number): Thought {
    const thought = new OpenThought(by, evidence, since, () => this.#open.delete(thought));
    if (this.#open.size < THOUGHT_LIMITS.open) this.#open.add(thought);
    return thought;
  }

  /** What is being thought about an incident, in the order in which it was begun. */
  of(incident: string): readonly Thinking[] {
    const about = [...this.#open].filter((one) => one.incident === incident);
    return about.slice(0, THOUGHT_LIMITS.shown).map((one) => one.shown());
  }
}

class OpenThought implements Thought {
  readonly #by: string;
  readonly #evidence: Evidence;
  readonly #since: number;
  readonly #ended: () => void;
  #stage = 'waiting';
  #text = '';
  #isOver = false;

  constructor(by: string, evidence: Evidence, since: number, ended: () => void) {
    this.#by = by;
    this.#evidence = evidence;
    this.#since = since;
    this.#ended = ended;
  }

  get incident(): string {
    return this.#evidence.incident;
  }

  stage(name: string): void {
    if (this.#isOver) return;
    if (this.#text !== '' && !this.#text.endsWith('\n')) this.#text += '\n';
    this.#stage = name;
  }

  wrote(piece: string): void {
    if (this.#isOver) return;
    this.#text += piece;
    // Cut now and then, not at each token.
    if (this.#text.length > 2 * THOUGHT_LIMITS.bytes) this.#text = this.#text.slice(-THOUGHT_LIMITS.bytes);
  }

  end(): void {
    this.#isOver = true;
    this.#ended();
  }

  shown(): Thinking {
    return {
      by: oneLine(this.#by, THOUGHT_LIMITS.name),
      stage: oneLine(this.#stage, THOUGHT_LIMITS.name),
      text: tail(harmless(withNames(this.#text, this.#evidence)), THOUGHT_LIMITS.bytes),
      since: this.#since,
    };
  }
}

/** Line breaks stay; what could move a cursor, turn the direction or hide itself becomes a blank (invariant 12). */
const harmless = (text: string): string =>
  text.replace(/\r\n?/g, '\n').replace(/(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\uFFFD]/gu, ' ');

/** The last whole characters that fit into so many bytes of UTF-8. */
function tail(text: string, most: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return text;
  let from = bytes.length - most;
  // A byte 10xxxxxx is in the middle of a character.
  while (from < bytes.length && ((bytes[from] ?? 0) & 0xc0) === 0x80) from++;
  return bytes.subarray(from).toString();
}
