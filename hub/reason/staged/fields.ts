import { parseStage, type StageAnswer, type StageField, stageGrammar } from '../../../grammars/stage.ts';
import type { Decoded } from '../llama-decode.ts';
import { ReasonError } from '../reasoner.ts';
import { ASKS_AT_ONCE, type Language, type Read } from './stage.ts';

/** One key of a stage's answer with the words that explain it to the model; `listed`: with what may be chosen. */
export type Explained = StageField & { readonly means: string; readonly listed?: true };

/**
 * The language of a stage that answers with keys of its own. Where there are questions to choose from, `ask` is the last of
 * them. `read` gets the values by key.
 */
export function fieldLanguage(
  fields: readonly Explained[],
  questions: readonly string[],
  read: (values: Values, decoded: Decoded) => Omit<Read, 'asks'>,
): Language {
  const asking: readonly Explained[] =
    questions.length === 0
      ? []
      : [{ key: 'ask', kind: 'some', of: questions, most: ASKS_AT_ONCE, means: 'ask the host', listed: true }];
  const all = [...fields, ...asking];
  return {
    grammar: stageGrammar(all),
    says: all.map((field) => {
      const of = field.kind === 'text' || field.listed !== true ? '' : `, of: ${field.of.join(', ')}`;
      return `${field.key}: ${field.means}${of}`;
    }),
    read: (decoded) => {
      if (decoded.stop !== 'end') throw new ReasonError('E_MODEL_OUTPUT', 'the answer was cut before its end');
      const values = new Values(parseStage(decoded.text, all));
      return { ...read(values, decoded), asks: asking.length === 0 ? [] : values.list('ask') };
    },
  };
}

/** The values of a stage's answer, by key: what was asked for is there, since it was parsed by the same fields. */
export class Values {
  readonly #answer: StageAnswer;

  constructor(answer: StageAnswer) {
    this.#answer = answer;
  }

  text(key: string): string {
    const value = this.#answer.get(key);
    return typeof value === 'string' ? value : '';
  }

  /** Each once, where it came first. */
  list(key: string): readonly string[] {
    const value = this.#answer.get(key);
    return typeof value === 'string' || value === undefined ? [] : [...new Set(value)];
  }
}
