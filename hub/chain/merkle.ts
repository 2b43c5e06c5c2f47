import { hash } from 'node:crypto';

/**
 * A Merkle tree over the audit chain, by the hashing of RFC 6962 section 2.1: a leaf is SHA-256(0x00 || data), a node
 * SHA-256(0x01 || left || right), and the largest power of two below the size stands on the left. The data of a leaf
 * is the 32 bytes of a record's hash. Its root in a signed checkpoint vouches for each record before it, and a record
 * is shown to be among them with some twenty hashes instead of the whole chain.
 */
export const HASH_BYTES = 32;

/** By way of hex: a Buffer of its own for each digest costs three times as much. */
const sha256 = (bytes: Uint8Array): Buffer => Buffer.from(hash('sha256', bytes, 'hex'), 'hex');

const leafBytes = Buffer.alloc(1 + HASH_BYTES);
const nodeBytes = Buffer.alloc(1 + 2 * HASH_BYTES, 1);

/** The leaf of a record with this hash (32 bytes). */
export function leafOf(recordHash: Uint8Array): Buffer {
  leafBytes.set(recordHash, 1);
  return sha256(leafBytes);
}

function nodeOf(left: Uint8Array, right: Uint8Array): Buffer {
  nodeBytes.set(left, 1);
  nodeBytes.set(right, 1 + HASH_BYTES);
  return sha256(nodeBytes);
}

/** What is kept of a tree that only grows: the roots of its full subtrees, the largest first; at most one for each bit of its size. */
export interface Peaks {
  readonly count: number;
  readonly peaks: readonly Uint8Array[];
}

export const NO_PEAKS: Peaks = { count: 0, peaks: [] };

/** A tree to which leaves are added, and whose root can be asked for at each size. */
export class GrowingTree {
  #count: number;
  readonly #peaks: Uint8Array[];

  constructor({ count, peaks }: Peaks = NO_PEAKS) {
    this.#count = count;
    this.#peaks = [...peaks];
  }

  get count(): number {
    return this.#count;
  }

  get peaks(): Peaks {
    return { count: this.#count, peaks: [...this.#peaks] };
  }

  /** Adds the record with this hash. */
  add(recordHash: Uint8Array): void {
    let top = leafOf(recordHash);
    for (let full = this.#count; full % 2 === 1; full = (full - 1) / 2) {
      const left = this.#peaks.pop();
      if (left === undefined) throw new RangeError('the tree has fewer peaks than its size asks for');
      top = nodeOf(left, top);
    }
    this.#peaks.push(top);
    this.#count++;
  }

  root(): Uint8Array {
    const [last, ...others] = [...this.#peaks].reverse();
    return others.reduce<Uint8Array>((right, left) => nodeOf(left, right), last ?? sha256(new Uint8Array()));
  }
}

/** The largest power of two that is smaller than `size`, which is at least 2. */
function leftOf(size: number): number {
  let left = 1;
  while (left * 2 < size) left *= 2;
  return left;
}

/** A tree of a known size, from which paths are taken: every full subtree is hashed once. */
export class WholeTree {
  /** levels[k][i]: the root of the leaves from i * 2^k on, 2^k of them. */
  readonly #levels: Uint8Array[][];
  readonly size: number;

  constructor(leaves: readonly Uint8Array[]) {
    this.size = leaves.length;
    this.#levels = [[...leaves]];
    for (let below = this.#levels[0] ?? []; below.length > 1; ) {
      const level: Uint8Array[] = [];
      for (let i = 0; i + 1 < below.length; i += 2)
        level.push(nodeOf(below[i] as Uint8Array, below[i + 1] as Uint8Array));
      this.#levels.push(level);
      below = level;
    }
  }

  root(): Uint8Array {
    return this.size === 0 ? sha256(new Uint8Array()) : this.#rootOf(0, this.size);
  }

  /** The audit path of the leaf at `index`, from 0 (RFC 6962 section 2.1.1), the hash beside it first. Throws RangeError. */
  path(index: number): readonly Uint8Array[] {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.size)
      throw new RangeError(`no leaf ${index} among ${this.size}`);
    const path: Uint8Array[] = [];
    let [from, to] = [0, this.size];
    while (to - from > 1) {
      const middle = from + leftOf(to - from);
      path.push(index < middle ? this.#rootOf(middle, to) : this.#rootOf(from, middle));
      [from, to] = index < middle ? [from, middle] : [middle, to];
    }
    return path.reverse();
  }

  #rootOf(from: number, to: number): Uint8Array {
    const size = to - from;
    const level = Math.log2(size);
    // A subtree of such a size begins at a multiple of it, wherever it stands in the tree.
    const full = Number.isInteger(level) ? this.#levels[level]?.[from / size] : undefined;
    if (full !== undefined) return full;
    const middle = from + leftOf(size);
    return nodeOf(this.#rootOf(from, middle), this.#rootOf(middle, to));
  }
}

/** The root that a path leads to from the leaf at `index` of `size`; null when the path has another length than such a tree's. */
export function rootByPath(
  leaf: Uint8Array,
  at: { readonly index: number; readonly size: number },
  path: readonly Uint8Array[],
): Uint8Array | null {
  if (at.index >= at.size) return null;
  const isRight: boolean[] = [];
  for (let [index, size] = [at.index, at.size]; size > 1; ) {
    const left = leftOf(size);
    isRight.push(index >= left);
    [index, size] = index < left ? [index, left] : [index - left, size - left];
  }
  if (isRight.length !== path.length) return null;
  const sides = isRight.reverse();
  return path.reduce((below, beside, i) => (sides[i] ? nodeOf(beside, below) : nodeOf(below, beside)), leaf);
}
