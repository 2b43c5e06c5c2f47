import type { Checkpoint } from '../../broker/halts.ts';
import type { AuditRecord } from '../chain/audit.ts';
import { leafOf, WholeTree } from '../chain/merkle.ts';
import type { Store } from '../store/store.ts';

/** Messages that vouch for records to whoever has the site's root key. */
export interface Vouchers {
  /** Public key of the site root. */
  readonly root: Uint8Array;
  /** The roster as the root signed it, which names the hub's order keys and the operators. */
  readonly roster: Uint8Array;
  /** The checkpoint as the hub signed it, and what it says. */
  readonly checkpoint: { readonly message: Uint8Array; readonly said: Checkpoint };
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/**
 * Records of the chain with what shows that they are in it, as lines for `verify.mjs`: the vouchers first, then a record a
 * line, with its path to the checkpoint's root (RFC 6962) where not `chosen: 'all'`. Records past the checkpoint come
 * without one. The chain is taken as verified.
 */
export function* proofLines(
  store: Store,
  { root, roster, checkpoint }: Vouchers,
  chosen: ReadonlySet<number> | 'all',
): Generator<string> {
  const isWhole = chosen === 'all';
  const head = { format: 'sentinel-proof-1', root: hex(root), roster: base64(roster) };
  yield `${JSON.stringify({ ...head, checkpoint: base64(checkpoint.message), whole: isWhole })}\n`;
  const { count } = checkpoint.said.audit_head;
  const tree = isWhole ? null : new WholeTree(leavesOf(store, count));
  for (const { key: n, value } of isWhole ? store.audit.getRange({}) : recordsOf(store, chosen)) {
    const path = tree === null || n > count ? {} : { path: tree.path(n - 1).map(hex) };
    yield `${JSON.stringify({ n, body: base64(value.body), signature: base64(value.signature), ...path })}\n`;
  }
}

function* recordsOf(store: Store, numbers: ReadonlySet<number>): Generator<{ key: number; value: AuditRecord }> {
  for (const key of [...numbers].sort((a, b) => a - b)) {
    const value = store.audit.get(key);
    if (value !== undefined) yield { key, value };
  }
}

function leavesOf(store: Store, count: number): readonly Uint8Array[] {
  return [...store.audit.getRange({ end: count + 1 })].map(({ value }) => leafOf(Buffer.from(value.hash, 'hex')));
}
