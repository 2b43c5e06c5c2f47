import { anyOf, gbnfLiteral, gbnfWord, TEXT, TEXT_ONLY, upTo } from './gbnf.ts';
import { PlanError, type PlanGrammar } from './plan.ts';

/**
 * The language of one stage's answer, where a model thinks in several: JSON without optional blanks, its keys in their
 * order, each a choice from this incident's own list or a bounded text.
 */
export type StageField =
  | { readonly key: string; readonly kind: 'one'; readonly of: readonly string[] }
  | { readonly key: string; readonly kind: 'some'; readonly of: readonly string[]; readonly most: number }
  | { readonly key: string; readonly kind: 'text'; readonly most: number };

/** An answer that obeys its grammar: a text for `one` and `text`, a list for `some`. */
export type StageAnswer = ReadonlyMap<string, string | readonly string[]>;

const KEY = /^[a-z][a-z_]{0,31}$/;

/** Builds the grammar of a stage. Throws a PlanError E_PLAN_INPUT where a key has another form, or a choice has nothing to choose. */
export function stageGrammar(fields: readonly StageField[]): PlanGrammar {
  const rules = fields.map((field, i) => {
    if (!KEY.test(field.key)) throw new PlanError('E_PLAN_INPUT', `key: ${JSON.stringify(field.key)} has another form`);
    return `field-${i} ::= ${ruleOf(field)}`;
  });
  const parts = fields.map(
    ({ key }, i) => `${gbnfLiteral(`${i === 0 ? '{' : ','}${JSON.stringify(key)}:`)} field-${i}`,
  );
  return { gbnf: `root ::= ${parts.join(' ')} "}"\n${rules.join('\n')}\n`, maxTokens: longest(fields) + 1 };
}

function ruleOf(field: StageField): string {
  if (field.kind === 'text') return `"\\"" ${TEXT}{1,${field.most}} "\\""`;
  const words = anyOf(field.of.map(gbnfWord));
  if (field.kind === 'some') return field.of.length === 0 ? '"[]"' : `"[" ${upTo(words, field.most)} "]"`;
  if (field.of.length > 0) return words;
  throw new PlanError('E_PLAN_INPUT', `${field.key}: there is nothing to choose from`);
}

/** Bytes of the longest answer: each token writes at least one. */
function longest(fields: readonly StageField[]): number {
  const size = (text: string) => Buffer.byteLength(JSON.stringify(text));
  const sum = fields.map((field) => {
    const head = field.key.length + 4;
    if (field.kind === 'text') return head + field.most + 2;
    const most = Math.max(0, ...field.of.map(size));
    return field.kind === 'one' ? head + most : head + 2 + field.most * (most + 1);
  });
  return sum.reduce((a, b) => a + b, 2);
}

/**
 * Reads an answer strictly: it must be what the grammar of the same fields can say, byte for byte. Throws a PlanError
 * E_PLAN_OUTPUT; nothing is repaired.
 */
export function parseStage(text: string, fields: readonly StageField[]): StageAnswer {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw bad('not JSON');
  }
  const keys = fields.map(({ key }) => key);
  if (typeof value !== 'object' || value === null || Object.keys(value).join() !== keys.join()) {
    throw bad(`expected exactly ${keys.join(', ')}`);
  }
  // The round trip refuses optional blanks, repeated keys and needless escapes in one comparison.
  if (JSON.stringify(value) !== text) throw bad('JSON, but not in the one form that the grammar has');
  const given = value as Readonly<Record<string, unknown>>;
  return new Map(fields.map((field) => [field.key, readField(given[field.key], field)]));
}

function readField(value: unknown, field: StageField): string | readonly string[] {
  if (field.kind === 'text') {
    if (typeof value === 'string' && value.length <= field.most && TEXT_ONLY.test(value)) return value;
    throw bad(`${field.key}: expected 1 to ${field.most} plain characters`);
  }
  if (field.kind === 'one') return chosen(value, field);
  if (!Array.isArray(value) || value.length > field.most) {
    throw bad(`${field.key}: expected a list of at most ${field.most}`);
  }
  return value.map((one) => chosen(one, field));
}

function chosen(value: unknown, { key, of }: Extract<StageField, { of: unknown }>): string {
  const found = of.find((one) => one === value);
  if (found === undefined) throw bad(`${key}: ${JSON.stringify(value)?.slice(0, 60)} is none of this incident's`);
  return found;
}

const bad = (message: string): PlanError => new PlanError('E_PLAN_OUTPUT', message);
