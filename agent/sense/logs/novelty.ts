import { bool, type Infer, int, record, text } from '../../../broker/shape.ts';
import { type Template, Templates, templateText } from './templates.ts';

/** So often within an hour, a line of a new kind is a change of what the program does, and no odd day. */
const REPEATS = { error: 3, other: 10 } as const;
const WITHIN_MS = 3_600_000;

/** One kind of line, for people: text with its variable parts cut out, redacted by whoever sends it. */
export interface SeenTemplate {
  readonly text: string;
  readonly count: number;
  readonly error: boolean;
  /** Not seen while the log was learned. */
  readonly fresh: boolean;
  readonly last: number;
}

/** What is kept of a template over a restart. */
export const savedTemplate = record({
  text: text(256),
  count: int(1),
  first: int(),
  last: int(),
  known: bool,
  error: bool,
});
export type SavedTemplate = Infer<typeof savedTemplate>;

/**
 * Learns what kinds of line a log holds, and then tells when a kind that was never seen keeps coming. `since` is when
 * learning began.
 */
export class Novelty {
  readonly since: number;
  readonly #learnMs: number;
  readonly #templates = new Templates();
  /** Kinds that were told as new: they stay news for as long as a snapshot may be taken of them. */
  readonly #told = new Set<Template>();

  constructor(since: number, learnMs: number, saved: readonly SavedTemplate[] = []) {
    this.since = since;
    this.#learnMs = learnMs;
    for (const { text: words, ...rest } of saved) this.#templates.restore({ ...rest, words: words.split(' ') });
  }

  /** One line at `now`, milliseconds since the epoch; says so when its kind has just become news. */
  add(line: string, now: number, error: boolean): 'new-error' | 'new-other' | null {
    // A clock that went back makes the period longer, never a whole log new.
    const learning = now < this.since + this.#learnMs;
    const template = this.#templates.add(line, now, { known: learning, error });
    if (template.known) return null;
    if (now - template.first > WITHIN_MS) {
      // Rare lines of new kinds are every program's daily life.
      template.known = true;
      return null;
    }
    if (template.count < (template.error ? REPEATS.error : REPEATS.other)) return null;
    template.known = true;
    this.#told.add(template);
    if (this.#told.size > 16) this.#told.delete([...this.#told][0] ?? template);
    return template.error ? 'new-error' : 'new-other';
  }

  /** The kinds that matter most: what is new, then errors, each by how lately and how often. */
  top(max: number): SeenTemplate[] {
    const weight = (template: Template): number =>
      (this.#told.has(template) || !template.known ? 2 : 0) + (template.error ? 1 : 0);
    return this.#templates
      .all()
      .sort((a, b) => weight(b) - weight(a) || b.count - a.count)
      .slice(0, max)
      .map((template) => ({
        text: templateText(template),
        count: template.count,
        error: template.error,
        fresh: this.#told.has(template) || !template.known,
        last: template.last,
      }));
  }

  save(): SavedTemplate[] {
    return this.#templates.all().map((template) => {
      const { count, first, last, known, error } = template;
      return { text: templateText(template), count, first, last, known, error };
    });
  }
}
