import { isSlot, maskedWords } from './mask.ts';

/** Templates of one log: real services have tens to a few hundred. The one least lately seen makes room. */
const MAX_TEMPLATES = 256;
/** Templates of one shape that a line is compared with. */
const MAX_ALIKE = 32;
/** A line belongs to a template when so many of its words stand at the same place. */
const ALIKE = 0.6;
/** A template's characters when it is kept or shown. */
const MAX_SHOWN = 240;
const ANY = '<*>';

export interface Template {
  /** Words, with slots where lines differ. */
  words: string[];
  count: number;
  /** Milliseconds since the epoch. */
  readonly first: number;
  last: number;
  /** Seen in the learning period, or spoken of since. */
  known: boolean;
  /** It was an error line when first seen. */
  readonly error: boolean;
}

/**
 * The kinds of line that a log holds, found as they stream by: lines of as many words, most of them the same, are one
 * template, and where they differ it gets a slot (the idea of Drain, He et al. 2017, without its tree). Constant work
 * and memory.
 */
export class Templates {
  /** By number of words and the first word. */
  readonly #shapes = new Map<string, Template[]>();
  #size = 0;

  /** The template of a line, made when there is none; `known` marks one that is made now. */
  add(line: string, now: number, made: { readonly known: boolean; readonly error: boolean }): Template {
    const words = maskedWords(line);
    const shape = `${words.length} ${isSlot(words[0] ?? '') ? ANY : (words[0] ?? '')}`;
    const alike = this.#shapes.get(shape) ?? [];
    const found = nearest(alike, words);
    if (found !== undefined) {
      found.words = found.words.map((word, i) => (word === words[i] ? word : ANY));
      found.count++;
      found.last = now;
      return found;
    }
    const template: Template = { words, count: 1, first: now, last: now, ...made };
    if (alike.length >= MAX_ALIKE) this.#drop(shape, oldest(alike));
    else if (this.#size >= MAX_TEMPLATES) this.#dropOldest();
    const kept = this.#shapes.get(shape) ?? [];
    kept.push(template);
    this.#shapes.set(shape, kept);
    this.#size++;
    return template;
  }

  get size(): number {
    return this.#size;
  }

  all(): Template[] {
    return [...this.#shapes.values()].flat();
  }

  /** Puts back what was kept over a restart. */
  restore(template: Template): void {
    if (this.#size >= MAX_TEMPLATES) return;
    const first = template.words[0] ?? '';
    const shape = `${template.words.length} ${isSlot(first) ? ANY : first}`;
    const alike = this.#shapes.get(shape) ?? [];
    if (alike.length >= MAX_ALIKE) return;
    this.#shapes.set(shape, [...alike, template]);
    this.#size++;
  }

  #dropOldest(): void {
    let shape = '';
    let found: Template | undefined;
    for (const [name, list] of this.#shapes) {
      const candidate = oldest(list);
      if (found === undefined || candidate.last < found.last) [shape, found] = [name, candidate];
    }
    if (found !== undefined) this.#drop(shape, found);
  }

  #drop(shape: string, template: Template): void {
    const left = (this.#shapes.get(shape) ?? []).filter((other) => other !== template);
    if (left.length === 0) this.#shapes.delete(shape);
    else this.#shapes.set(shape, left);
    this.#size--;
  }
}

/** A template as text, bounded. */
export const templateText = ({ words }: Template): string => words.join(' ').slice(0, MAX_SHOWN);

function nearest(alike: readonly Template[], words: readonly string[]): Template | undefined {
  let best: Template | undefined;
  let most = ALIKE * words.length;
  for (const template of alike) {
    let same = 0;
    for (let i = 0; i < words.length; i++) if (template.words[i] === words[i] || template.words[i] === ANY) same++;
    if (same > most || (same === words.length && best === undefined)) [best, most] = [template, same];
  }
  return best;
}

const oldest = (list: readonly Template[]): Template =>
  list.reduce((least, template) => (template.last < least.last ? template : least));
