import type { Evidence } from '../../evidence/evidence.ts';
import { addressesReader } from '../../evidence/injection.ts';
import { fence, Names } from '../prompt-words.ts';
import type { ProbeSaid } from './questions.ts';

/** What one answer of a host may take of a prompt. */
const ANSWER = { lines: 12, line: 140 } as const;

/**
 * What happened in this thought so far, for the stages that follow: short-term memory, gone with the answer. Foreign text is
 * fenced as in the evidence; lines of hosts that address their reader are not passed on at all (invariant 12).
 */
export class Timeline {
  readonly #names: Names;
  readonly #lines: string[] = [];
  #planted = 0;

  constructor(evidence: Evidence) {
    this.#names = new Names(evidence);
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Lines of hosts that addressed their reader. */
  get planted(): number {
    return this.#planted;
  }

  stage(name: string, line: string): void {
    this.#lines.push(`${name} said: ${line}`);
  }

  failed(name: string): void {
    this.#lines.push(`${name} gave no answer`);
  }

  /** `words` are those of the question, `about` the slot that it was about. */
  heard(words: string, about: string, { state, lines }: ProbeSaid): void {
    const kept = lines.filter(({ text }) => !addressesReader(text));
    this.#planted += lines.length - kept.length;
    const shown = kept.slice(-ANSWER.lines);
    const mentioned = about === '' ? [] : [about];
    this.#lines.push(
      `asked ${words}: ${state === 'done' ? `${kept.length} lines` : 'no answer'}`,
      ...shown.map(({ text }) => `  ${fence(text, this.#names, mentioned, mentioned, ANSWER.line)}`),
    );
    if (kept.length > shown.length)
      this.#lines.push(`  [${kept.length - shown.length} lines before these are left out]`);
  }
}
