import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { messageOf, PolicyError } from './policy-error.ts';

/** What stands in a rule file, with the line of everything, from 1: plain data, so that a build can keep it. */
export type RuleTree = RuleScalar | RuleList | RuleMap;

export interface RuleScalar {
  readonly line: number;
  readonly value: string | number | boolean | null;
}

export interface RuleList {
  readonly line: number;
  readonly items: readonly RuleTree[];
}

export interface RuleMap {
  readonly line: number;
  /** Key, its line, and what it stands for; null for a key alone, as in `{ -h, -v }`. */
  readonly entries: readonly (readonly [key: string, line: number, value: RuleTree | null])[];
}

export const isRuleScalar = (tree: RuleTree | null): tree is RuleScalar => tree !== null && 'value' in tree;
export const isRuleList = (tree: RuleTree | null): tree is RuleList => tree !== null && 'items' in tree;
export const isRuleMap = (tree: RuleTree | null): tree is RuleMap => tree !== null && 'entries' in tree;

/** Parses one rule file strictly: no aliases, no duplicate keys, no tags. Throws E_POLICY_YAML and E_POLICY_SCHEMA. */
export function parseRules(file: string, text: string): RuleMap {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, schema: 'core', uniqueKeys: true, strict: true });
  const [problem] = [...doc.errors, ...doc.warnings];
  if (problem !== undefined) throw new PolicyError('E_POLICY_YAML', file, lineOf(problem), messageOf(problem));
  if (/^[^#'"]*[:-] [&*][A-Za-z]/m.test(text)) throw new PolicyError('E_POLICY_YAML', file, 0, 'aliases are not read');
  const tree = plain(doc.contents, lines);
  if (!isRuleMap(tree)) throw new PolicyError('E_POLICY_SCHEMA', file, 1, 'a rule file is a mapping');
  return tree;
}

/** Line of a mistake in YAML, from 1; 0 where it has none. */
export function lineOf({ linePos }: { readonly linePos?: readonly { readonly line: number }[] | undefined }): number {
  return linePos?.[0]?.line ?? 0;
}

function plain(node: unknown, lines: LineCounter): RuleTree {
  const line = lineAt(node, lines);
  if (isMap(node)) {
    return {
      line,
      entries: node.items.map(({ key, value }) => [
        keyOf(key),
        lineAt(key, lines),
        value === null ? null : plain(value, lines),
      ]),
    };
  }
  if (isSeq(node)) return { line, items: node.items.map((item) => plain(item, lines)) };
  return { line, value: isScalar(node) ? (node.value as RuleScalar['value']) : null };
}

const lineAt = (node: unknown, lines: LineCounter): number =>
  lines.linePos((node as Node | null)?.range?.[0] ?? 0).line;

/** A flag such as `-0` is a number to YAML, and would lose its sign. */
const keyOf = (key: unknown): string =>
  isScalar(key) ? (typeof key.value === 'string' ? key.value : String(key.source)) : '';
