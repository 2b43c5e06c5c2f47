import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';
import { messageOf, PolicyError } from './policy-error.ts';
import type { Decision } from './verdict.ts';

/** One command that a rule file promises a decision for. */
export interface Example {
  readonly command: string;
  readonly decision: Decision;
  readonly line: number;
}

/** A YAML mapping that knows where it stands, so that every mistake is told with file and line. */
export class RuleNode {
  readonly file: string;
  readonly #map: YAMLMap;
  readonly #lines: LineCounter;

  constructor(file: string, map: YAMLMap, lines: LineCounter) {
    this.file = file;
    this.#map = map;
    this.#lines = lines;
  }

  /** Refuses keys that nobody reads: a misspelt key must not be silently without effect. */
  only(...keys: readonly string[]): void {
    for (const { key, node } of this.entries()) if (!keys.includes(key)) this.fail(node, `unknown key ${key}`);
  }

  *entries(): Generator<{ key: string; node: Node | null; keyNode: Node | null }> {
    for (const pair of this.#map.items) {
      const keyNode = pair.key as Node | null;
      // A flag such as `-0` is a number to YAML, and would lose its sign.
      const key = isScalar(keyNode) ? (typeof keyNode.value === 'string' ? keyNode.value : String(keyNode.source)) : '';
      yield { key, node: (pair.value as Node | null) ?? keyNode, keyNode };
    }
  }

  text(key: string): string | null {
    const node = this.#get(key);
    if (node === null) return null;
    if (isScalar(node) && typeof node.value === 'string') return node.value;
    return this.fail(node, `${key} must be a text`);
  }

  flag(key: string): boolean {
    const node = this.#get(key);
    if (node === null) return false;
    if (isScalar(node) && typeof node.value === 'boolean') return node.value;
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
    const items = isSeq(node) ? node.items : [node];
    return items.map((item) => {
      if (isScalar(item) && typeof item.value === 'string') return { value: item.value, line: this.line(item) };
      return this.fail(item as Node, `${key} must hold texts`);
    });
  }

  map(key: string): RuleNode | null {
    const node = this.#get(key);
    return node === null ? null : this.child(node, key);
  }

  child(node: Node | null, what: string): RuleNode {
    if (!isMap(node)) return this.fail(node, `${what} must be a mapping`);
    return new RuleNode(this.file, node, this.#lines);
  }

  nodes(key: string): RuleNode[] {
    const node = this.#get(key);
    if (node === null) return [];
    if (!isSeq(node)) return this.fail(node, `${key} must be a list`);
    return node.items.map((item) => this.child(item as Node, key));
  }

  line(node: Node | null): number {
    const offset = node?.range?.[0] ?? this.#map.range?.[0];
    return offset === undefined ? 0 : this.#lines.linePos(offset).line;
  }

  fail(node: Node | null, message: string): never {
    throw new PolicyError('E_POLICY_SCHEMA', this.file, this.line(node), message);
  }

  #get(key: string): Node | null {
    const node = this.#map.get(key, true);
    return (node as Node | undefined) ?? null;
  }
}

/** Line of a mistake in YAML, from 1; 0 where it has none. */
export function lineOf({ linePos }: { readonly linePos?: readonly { readonly line: number }[] | undefined }): number {
  return linePos?.[0]?.line ?? 0;
}

/** Parses one rule file strictly: no aliases, no duplicate keys, no tags. */
export function readRuleFile(file: string, text: string): RuleNode {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, schema: 'core', uniqueKeys: true, strict: true });
  const [problem] = [...doc.errors, ...doc.warnings];
  if (problem !== undefined) {
    throw new PolicyError('E_POLICY_YAML', file, lineOf(problem), messageOf(problem));
  }
  if (/^[^#'"]*[:-] [&*][A-Za-z]/m.test(text)) throw new PolicyError('E_POLICY_YAML', file, 0, 'aliases are not read');
  if (!isMap(doc.contents)) throw new PolicyError('E_POLICY_SCHEMA', file, 1, 'a rule file is a mapping');
  return new RuleNode(file, doc.contents, lines);
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
