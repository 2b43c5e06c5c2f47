import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeCbor, encodeCbor } from '../../broker/cbor.ts';
import { type KeyPair, signBytes } from '../../broker/keys.ts';
import type { AuditHead } from '../../broker/messages.ts';
import type { Store } from '../store/store.ts';
import { ChainWalk, type Held, isRecord } from './chain-walk.ts';

/** What happened: one entry of the audit chain before it is chained. */
export interface AuditEntry {
  /** For instance `incident.opened`, `plan.vetted`, `order.sent`. */
  readonly kind: string;
  readonly incident: string | null;
  /** `hub`, an agent's id, or an operator's name. */
  readonly actor: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * One link of the chain. `body` is the CBOR of {n, ts, prev, kind, incident, actor, data}; `hash` is SHA-256 of body,
 * `signature` is Ed25519 by the hub's key over the hash.
 */
export interface AuditRecord {
  readonly body: Uint8Array;
  readonly hash: string;
  readonly signature: Uint8Array;
}

export const GENESIS = '0'.repeat(64);
const HEAD = 'audit_head';

/** The newest record's number and hash; {0, zeros} for an empty chain. */
export function auditHead(store: Store): AuditHead {
  return (store.meta.get(HEAD) as AuditHead | undefined) ?? { count: 0, hash: GENESIS };
}

/** Appends inside the caller's transaction, so that a change and its record are one. */
export function appendAudit(store: Store, key: KeyPair, entry: AuditEntry, now: number): AuditHead {
  const head = auditHead(store);
  const n = head.count + 1;
  const body = encodeCbor({ n, ts: now, prev: head.hash, ...entry });
  const digest = hash('sha256', body, 'buffer');
  const next = { count: n, hash: digest.toString('hex') };
  void store.audit.put(n, { body, hash: next.hash, signature: signBytes(digest, key) });
  void store.meta.put(HEAD, next);
  return next;
}

export type AuditFinding =
  | { readonly ok: true; readonly head: AuditHead }
  | { readonly ok: false; readonly record: number; readonly why: string };

/**
 * Walks the chain from its first record: numbers without a gap, each record's hash, its link to the one before, its
 * signature, and that the chain ends where the head says. Names the first record that is wrong. `keys` are the hub's
 * order keys, oldest first: once a later one has signed, an earlier one is not good any more. `how` says what was seen of
 * the chain outside it, which it is held against.
 */
export function verifyAudit(store: Store, keys: readonly Uint8Array[], how: Held = {}): AuditFinding {
  return verifyFrom(store, new ChainWalk(keys, { count: 0, hash: GENESIS }, how));
}

/**
 * The same for the newest records alone: what a start can afford. The record before them is taken as it is, so a
 * change further back is left to the whole walk.
 */
export function verifyAuditTail(store: Store, keys: readonly Uint8Array[], records: number): AuditFinding {
  const count = Math.max(0, auditHead(store).count - records);
  const before = count === 0 ? undefined : store.audit.get(count);
  return verifyFrom(store, new ChainWalk(keys, { count, hash: isRecord(before) ? before.hash : GENESIS }));
}

/** Records that a walk in slices checks at once, some ten milliseconds, and how long it then leaves the loop alone. */
const SLICE = 200;
const PAUSE_MS = 90;

/** The whole walk beside other work: a tenth of a core. Resolves with null when it is aborted. */
export async function verifyAuditSlowly(
  store: Store,
  keys: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<AuditFinding | null> {
  const walk = new ChainWalk(keys, { count: 0, hash: GENESIS });
  for (;;) {
    if (signal.aborted) return null;
    const slice = [...store.audit.getRange({ start: walk.at.count + 1, limit: SLICE })];
    if (slice.length === 0) return walk.end(auditHead(store));
    for (const { key, value } of slice) {
      const wrong = walk.next(key, value);
      if (wrong !== null) return wrong;
    }
    await sleep(PAUSE_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}

/** Asked for one by one: a range costs twice as much for each. */
function verifyFrom(store: Store, walk: ChainWalk): AuditFinding {
  for (let n = walk.at.count + 1; ; n++) {
    const record: unknown = store.auditAtHand.get(n);
    if (record === undefined) {
      const [after] = store.audit.getKeys({ start: n, limit: 1 });
      return (after === undefined ? null : walk.next(after, null)) ?? walk.end(auditHead(store));
    }
    const wrong = walk.next(n, record);
    if (wrong !== null) return wrong;
  }
}

/** One record's content, for people and exports. */
export function readAudit(record: AuditRecord): AuditEntry & { readonly n: number; readonly ts: number } {
  return decodeCbor(record.body) as AuditEntry & { n: number; ts: number };
}
