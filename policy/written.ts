import { normalise } from './paths.ts';
import { wordAt } from './word-at.ts';

/** Files that one text is followed into: more is nobody's plan. */
const FILES = 16;

const RUNS = /^(?:(?:ba|da|z|k|a|c|fi)?sh|\.|source|exec|at|batch|(?:python|perl|ruby|node|php|lua)[\d.]*)$/;

/** What a text puts into files before it runs them: `echo 'rm -rf /srv' > /tmp/a; sh /tmp/a`. For seeing destruction alone. */
export class Written {
  readonly #texts = new Map<string, string>();

  /** Takes in that `text` is written to each of these files. */
  note(files: readonly string[], text: string): void {
    for (const file of files) if (text !== '' && this.#texts.size < FILES) this.#texts.set(normalise(file), text);
  }

  /** The texts that this command runs, since they stand in files that it names as its program. */
  ranBy(words: readonly string[]): string[] {
    if (this.#texts.size === 0) return [];
    const files = RUNS.test(wordAt(words, 0)) ? words.slice(1) : words.slice(0, 1);
    return files.flatMap((file) => this.#texts.get(normalise(file)) ?? []);
  }
}
