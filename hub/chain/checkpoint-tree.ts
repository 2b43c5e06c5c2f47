import { bytes, int, list, record } from '../../broker/shape.ts';
import type { Store } from '../store/store.ts';
import { GrowingTree, HASH_BYTES, NO_PEAKS, type Peaks } from './merkle.ts';

const TREE = 'audit_tree';
/** Peaks of a chain of 2^53 records. */
const PEAKS_MAX = 53;
const peaksShape = record({ count: int(), peaks: list(bytes(HASH_BYTES, true), PEAKS_MAX) });

/** Records that are added to the tree in one transaction, some milliseconds: the writer is the pipeline's too. */
export const TREE_SLICE = 2_000;

/** The tree's peaks as they were last kept; a chain of an earlier version has none yet, and what makes no sense is made anew. */
function keptPeaks(store: Store): Peaks {
  try {
    return peaksShape(store.meta.get(TREE) ?? NO_PEAKS, TREE);
  } catch {
    return NO_PEAKS;
  }
}

function grown(store: Store): GrowingTree {
  const tree = new GrowingTree(keptPeaks(store));
  for (const { value } of store.audit.getRange({ start: tree.count + 1, limit: TREE_SLICE })) {
    tree.add(Buffer.from(value.hash, 'hex'));
  }
  return tree;
}

/** Inside a transaction: takes the next records of the chain into the kept tree; answers how many it has now. */
export function growTree(store: Store): number {
  const tree = grown(store);
  if (tree.count !== keptPeaks(store).count) void store.meta.put(TREE, tree.peaks);
  return tree.count;
}

/** The root over the first `count` records; null where the tree has not come there, or the chain has gone on. */
export function treeRootAt(store: Store, count: number): Uint8Array | null {
  const tree = grown(store);
  return tree.count === count ? tree.root() : null;
}
