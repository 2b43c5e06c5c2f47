import { PolicyError } from './policy-error.ts';
import { isRuleList, isRuleMap, isRuleScalar, type RuleMap, type RuleTree } from './rule-tree.ts';
import type { Decision } from './verdict.ts';

/** One command that a rule file promises a decision for. */
export interface Example {
  readonly command: string;
  readonly decision: Decision;
  readonly line: number;
}

/** A mapping of a rule file that knows where it stands, so that every mistake is told with file and line. */
export class RuleNode {
  readonly file: string;
  readonly #map: RuleMap;

  constructor(file: string, map: RuleMap) {
    this.file = file;
    this.#map = map;
  }

  /** Refuses keys that nobody reads: a misspelt key must not be silently without effect. */
  only(...keys: readonly string[]): void {
    for (const [key, line] of this.#map.entries) if (!keys.includes(key)) this.failAt(line, `unknown key ${key}`);
  }

  /** Key, its line, and what it stands for; null for a key alone. */
  entries(): RuleMap['entries'] {
    return this.#map.entries;
  }

  text(key: string): string | null {
    const node = this.#get(key);
    if (node === null) return null;
    if (isRuleScalar(node) && typeof node.value === 'string') return node.value;
    return this.fail(node, `${key} must be a text`);
  }

  flag(key: string): boolean {
    const node = this.#get(key);
    if (node === null) return false;
    if (isRuleScalar(node) && typeof node.value === 'boolean') return node.value;
    return this.fail(node, `${key} must be true or false`);
  }

  choice<T extends string>(key: string, choices: readonly T[]): T | null {
    const value = this.text(key);
    const found = choices.find((choice) => choice === value);
    if (value !== null && found === undefined) this.fail(this.#get(key), `${key} must be one of ${choices.join(', ')}`);
    return found ?? null;
  }

  /** A list of texts, or one text for a list of one. */
  list(key: string): { value: string; line: number }[] {
    const node = this.#get(key);
    if (node === null) return [];
    const items = isRuleList(node) ? node.items : [node];
    return items.map((item) => {
      if (isRuleScalar(item) && typeof item.value === 'string') return { value: item.value, line: item.line };
      return this.fail(item, `${key} must hold texts`);
    });
  }

  map(key: string): RuleNode | null {
    const node = this.#get(key);
    return node === null ? null : this.child(node, key);
  }

  child(node: RuleTree | null, what: string): RuleNode {
    if (!isRuleMap(node)) return this.fail(node, `${what} must be a mapping`);
    return new RuleNode(this.file, node);
  }

  nodes(key: string): RuleNode[] {
    const node = this.#get(key);
    if (node === null) return [];
    if (!isRuleList(node)) return this.fail(node, `${key} must be a list`);
    return node.items.map((item) => this.child(item, key));
  }

  line(node: RuleTree | null): number {
    return (node ?? this.#map).line;
  }

  fail(node: RuleTree | null, message: string): never {
    return this.failAt(this.line(node), message);
  }

  failAt(line: number, message: string): never {
    throw new PolicyError('E_POLICY_SCHEMA', this.file, line, message);
  }

  #get(key: string): RuleTree | null {
    return this.#map.entries.find(([name]) => name === key)?.[2] ?? null;
  }
}

/** The examples of one file, in the order in which they stand. */
export function readExamples(root: RuleNode): Example[] {
  const examples = root.map('examples');
  if (examples === null) throw new PolicyError('E_POLICY_EXAMPLE', root.file, 0, 'a rule file carries its examples');
  examples.only('allow', 'review', 'block');
  return (['allow', 'review', 'block'] as const).flatMap((decision) =>
    examples.list(decision).map(({ value, line }) => ({ command: value, decision, line })),
  );
}
