import { awkProblem } from './read-awk.ts';
import { sedProblem } from './read-sed.ts';
import { psqlProblem, sqlProblem } from './read-sql.ts';

/** Why a text in a small language may do more than read. */
export interface Problem {
  /** One sentence for an operator. */
  readonly reason: string;
  /** It may show a secret. */
  readonly secret?: boolean;
  /** It may do more than read; false where all that speaks against it is a secret. */
  readonly changes: boolean;
}

/** The operand kinds that are programs of their own; each reader is one file and knows only what reads. */
export const LANGUAGES = {
  'awk-program': awkProblem,
  'sed-script': sedProblem,
  sql: sqlProblem,
  'psql-command': psqlProblem,
} as const satisfies Record<string, (text: string) => Problem | null>;

export type Language = keyof typeof LANGUAGES;

/** Null when the text only reads; takes time linear in at most one argument. */
export function languageProblem(language: Language, text: string): Problem | null {
  return LANGUAGES[language](text);
}

export function isLanguage(kind: string): kind is Language {
  return Object.hasOwn(LANGUAGES, kind);
}
