import { wordAt } from './word-at.ts';

/** Names, values of one name, and words filled in for one command: a hostile text must not multiply its own work. */
const LIMITS = { names: 16, values: 8, words: 256 } as const;

const ASSIGNMENT = /^([A-Za-z_][A-Za-z0-9_]{0,63})=(.*)$/s;
const USE = /\$(?:\{[A-Za-z_][A-Za-z0-9_]{0,63}\}|[A-Za-z_][A-Za-z0-9_]{0,63})/g;
const nameOf = (use: string): string => use.replace(/[${}]/g, '');
/** `${HOME:-/}` is at least sometimes what stands after the dash. */
const OTHERWISE = /\$\{[A-Za-z_][A-Za-z0-9_]{0,63}:?[-=]([^{}$]{0,128})\}/g;

/** A command's name with what nobody set left out: `r${u}m` is `rm`. */
function emptied(words: readonly string[]): string[][] {
  const first = wordAt(words, 0);
  const name = first.replace(USE, '');
  return name === first || name === '' ? [] : [[name, ...words.slice(1)]];
}

/** A command that stands whole in one variable, whatever IFS parts it by. */
const splitFirst = (words: readonly string[]): string[] =>
  wordAt(words, 0).startsWith('/') ? [...words] : [...wordAt(words, 0).split(/[\s,:;]+/), ...words.slice(1)];

/**
 * What variables of one text hold, as far as the text says it outright: `D=/; rm -rf $D`, `for d in / /srv; do rm -rf $d`.
 * For the recogniser of destruction alone: it makes nothing allowed.
 */
export class Carried {
  readonly #values = new Map<string, readonly string[]>();

  /** Takes in what a command assigns, or what a loop runs over. */
  note(words: readonly string[]): void {
    const [first, name, keyword, ...values] = words;
    if (first === 'for' && name !== undefined && keyword === 'in') this.#keep(name, values);
    for (const word of words) {
      const [, assigned, value] = ASSIGNMENT.exec(word) ?? [];
      if (assigned !== undefined && value !== undefined) this.#keep(assigned, [value]);
      else if (word !== 'export' && word !== 'declare' && word !== 'local' && word !== 'readonly') return;
    }
  }

  /** Takes in what a loop reads: `echo / | while read d`. */
  give(name: string, values: readonly string[]): void {
    this.#keep(name, values);
  }

  /** The words once for each value that they could have; none where they use no variable that is known. */
  fill(all: readonly string[]): string[][] {
    if (!all.some((word) => word.includes('$'))) return [];
    const given = all.slice(0, LIMITS.words);
    const words = given.map((word) => word.replace(OTHERWISE, '$1'));
    const replaced = words.some((word, i) => word !== given[i]) ? [words] : [];
    const used = words.flatMap((word) => (word.match(USE) ?? []).map(nameOf));
    const turns = Math.max(0, ...used.map((name) => this.#values.get(name)?.length ?? 0));
    const filled = Array.from({ length: turns }, (_, turn) =>
      words.map((word) =>
        word.replace(USE, (whole) => {
          const values = this.#values.get(nameOf(whole));
          return values?.[turn] ?? values?.[0] ?? whole;
        }),
      ),
    );
    return [...replaced, ...filled, ...emptied(given)].map(splitFirst);
  }

  #keep(name: string, values: readonly string[]): void {
    if (this.#values.size < LIMITS.names || this.#values.has(name))
      this.#values.set(name, values.slice(0, LIMITS.values));
  }
}
