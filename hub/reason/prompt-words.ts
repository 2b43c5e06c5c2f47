import type { Evidence, EvidenceItem } from '../evidence/evidence.ts';

/**
 * How names and foreign text enter a prompt, whichever model reads it: names as slots, foreign text between marks, no
 * line longer than it may be.
 */

/** Characters that keep one hostile field from crowding out the rest; tokens are budgeted besides. */
export const LONGEST = 300;

/** One item as a model reads it: its id, its kind, its text with slots in the place of names, fenced where it is foreign. */
export const itemLine = (item: EvidenceItem, names: Names, most: number = LONGEST): string => {
  const loose = item.kind === 'fact' ? item.entities : [];
  const text = item.trusted
    ? names.hide(capped(oneLine(item.text), most), item.entities, loose)
    : fence(item.text, names, item.entities, loose, most);
  return `${item.id} ${item.kind} ${text}`;
};

const PLAIN = /^[a-z0-9][a-z0-9._-]{0,63}$/;
/** A word that is one of ours by its form stands by itself; anything else is fenced. */
export const plainOrFenced = (text: string, names: Names): string => (PLAIN.test(text) ? text : fence(text, names, []));

/** Foreign text between marks that it cannot contain itself. */
export const fence = (
  text: string,
  names: Names,
  mentioned: readonly string[],
  loose: readonly string[] = [],
  most: number = LONGEST,
): string =>
  `<<${names
    .hide(capped(oneLine(text), most), mentioned, loose)
    .replace(/<(?=<)|>(?=>)/g, '$& ')
    .replace(/>$/, '> ')}>>`;

/** Control, format and direction characters, line breaks and unassigned code points become blanks. */
const oneLine = (text: string): string =>
  text
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/\s+/gu, ' ')
    .trim();

/** Says how much is missing: a cut is never silent. */
const capped = (text: string, most: number): string => {
  const points = [...text];
  const over = points.length - most;
  return over <= 0 ? text : `${points.slice(0, most).join('')} [cut ${over}]`;
};

/** A name shorter than this is too likely to be a word of the sentence: hidden only where the item says it is meant. */
const SHORT_NAME = 3;

/** Puts slots in the place of the incident's names, so that no name of the site enters a model. */
export class Names {
  readonly #slots = new Map<string, string[]>();
  readonly #pids = new Map<string, string>();
  readonly #pattern: RegExp;

  constructor(evidence: Evidence) {
    for (const entity of evidence.entities) {
      if (entity.kind === 'process') this.#pids.set(entity.value, entity.slot);
      else this.#add(entity.value, entity.slot);
      if (entity.process !== undefined) {
        this.#add(entity.process.comm, entity.slot);
        if (entity.process.exe !== undefined) this.#add(entity.process.exe, entity.slot);
      }
    }
    const host = evidence.entities.find((entity) => entity.kind === 'host' && entity.value === evidence.host);
    if (host === undefined) this.#add(evidence.host, 'this-host');
    const longestFirst = [...this.#slots.keys()].sort((a, b) => b.length - a.length);
    // One pass over the text: what was put in is not looked at again. The last part finds words that pretend to be
    // a slot.
    this.#pattern = new RegExp(
      [
        // A host's name is also the beginning of its full name.
        `(?<![A-Za-z0-9_-])${escapeRegExp(evidence.host)}(?![A-Za-z0-9_-])`,
        ...longestFirst.map((name) => `(?<![A-Za-z0-9/._@-])${escapeRegExp(name)}(?![A-Za-z0-9/_@-]|\\.[A-Za-z0-9])`),
        String.raw`(?<![A-Za-z0-9._/-])[1-9][0-9]{0,6}(?![A-Za-z0-9_/-]|\.[0-9])`,
        '(?<![A-Za-z0-9])E[0-9]{1,4}(?![A-Za-z0-9])',
      ].join('|'),
      'g',
    );
  }

  /**
   * `mentioned`: slots that the text is known to be about. `loose`: those of them whose pid may stand there without
   * the word pid before it.
   */
  hide(text: string, mentioned: readonly string[], loose: readonly string[]): string {
    return text.replace(this.#pattern, (found: string, at: number) => {
      const slots = this.#slots.get(found);
      if (slots !== undefined) {
        const meant = slots.filter((slot) => mentioned.includes(slot));
        if (meant.length > 0) return meant.join('/');
        return found.length < SHORT_NAME ? found : slots.slice(0, 3).join('/');
      }
      if (found.startsWith('E')) return `E-${found.slice(1)}`;
      const slot = this.#pids.get(found);
      if (slot === undefined) return found;
      const named =
        loose.includes(slot) || /(?:\bpid|\bprocess|\[)[ =:]{0,2}$/i.test(text.slice(Math.max(0, at - 10), at));
      return named ? slot : found;
    });
  }

  #add(name: string, slot: string): void {
    if (name === '') return;
    const slots = this.#slots.get(name) ?? [];
    if (!slots.includes(slot)) slots.push(slot);
    this.#slots.set(name, slots);
  }
}

const escapeRegExp = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
