import { isAbsolute, normalize } from 'node:path';
import { isMap, isScalar, isSeq, type Node, type YAMLMap } from 'yaml';
import { WatchError } from './watch-error.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Typed access to nodes; every refusal has the line of the node that it is about. */
export class Reader {
  readonly #file: string;
  readonly #line: (node: Node | null | undefined) => number;

  constructor(file: string, line: (node: Node | null | undefined) => number) {
    this.#file = file;
    this.#line = line;
  }

  line(node: unknown): number {
    return this.#line(node as Node | null | undefined);
  }

  fail(node: unknown, problem: string, fix: string): never {
    throw new WatchError('E_WATCH_FIELD', this.#file, this.line(node), problem, fix);
  }

  /** A map that has no other keys than the known ones; `what` names it. */
  map(node: unknown, what: string, known: readonly string[]): YAMLMap {
    if (!isMap(node)) return this.fail(node, `${what} is not a map`, `give ${known.join(', ')}`);
    for (const { key } of node.items) {
      const name = isScalar(key) ? String(key.value) : '';
      if (!known.includes(name)) {
        this.fail(key, `${what} has an unknown key ${printable(name)}`, `known keys: ${known.join(', ')}`);
      }
    }
    return node;
  }

  /** The entries of a list of at most `max`; `what` names the entries. */
  list(node: unknown, what: string, max: number): readonly unknown[] {
    if (!isSeq(node)) return this.fail(node, `${what} is not a list`, 'begin each entry with a dash');
    if (node.items.length > max) {
      throw new WatchError('E_WATCH_LIMIT', this.#file, this.line(node), `has over ${max} ${what}`, 'remove some');
    }
    return node.items;
  }

  /** The `name` of a thing that is declared: it becomes a metric's label. */
  name(map: YAMLMap): string {
    const node = map.get('name', true) as unknown;
    if (!isScalar(node) || typeof node.value !== 'string' || !NAME.test(node.value)) {
      return this.fail(node ?? map, 'has no good name', 'give `name:` of letters, digits, dots and dashes, at most 64');
    }
    return node.value;
  }

  /** An absolute path without its last slash; undefined when the key is not there. */
  path(map: YAMLMap, key: string): string | undefined {
    const node = map.get(key, true) as unknown;
    if (node === undefined) return undefined;
    const good =
      isScalar(node) &&
      typeof node.value === 'string' &&
      isAbsolute(node.value) &&
      node.value.length <= 1_024 &&
      normalize(node.value) === node.value &&
      !/\p{Cc}/u.test(node.value);
    if (!good)
      return this.fail(node, `${key} is no absolute path`, 'give a path from /, without `..`, at most 1024 long');
    return String(node.value).replace(/(.)\/$/, '$1');
  }

  /** A number above zero; undefined when the key is not there. */
  positive(map: YAMLMap, key: string): number | undefined {
    const node = map.get(key, true) as unknown;
    if (node === undefined) return undefined;
    const good =
      isScalar(node) &&
      typeof node.value === 'number' &&
      Number.isFinite(node.value) &&
      node.value > 0 &&
      node.value < 1e12;
    return good
      ? Number(node.value)
      : this.fail(node, `${key} is no positive number`, `give for instance \`${key}: 128\``);
  }
}

/** Text of a file in a message: no control characters, and short. */
export const printable = (text: string): string => text.replace(/\p{C}/gu, '?').slice(0, 120);
