import { createHash } from 'node:crypto';
import { decodeCbor, encodeCbor } from '../broker/cbor.ts';
import { type KeyPair, signBytes, verifyBytes } from '../broker/keys.ts';
import type { AuditHead } from '../broker/messages.ts';
import type { Store } from './store/store.ts';

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

const GENESIS = '0'.repeat(64);
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
  const digest = createHash('sha256').update(body).digest();
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
 * order keys, oldest first: once a later one has signed, an earlier one is not good any more.
 */
export function verifyAudit(store: Store, keys: readonly Uint8Array[]): AuditFinding {
  let signing = keys;
  let expected: AuditHead = { count: 0, hash: GENESIS };
  for (const { key: n, value: record } of store.audit.getRange({})) {
    const bad = (why: string): AuditFinding => ({ ok: false, record: expected.count + 1, why });
    if (n !== expected.count + 1) return bad(`record ${expected.count + 1} is missing: the next one is ${n}`);
    if (!isRecord(record)) return bad('it is not a record');
    const digest = createHash('sha256').update(record.body).digest();
    if (digest.toString('hex') !== record.hash)
      return bad('its content does not have the hash that it was stored with');
    const by = signing.findIndex((key) => verifyBytes(digest, record.signature, key));
    signing = signing.slice(Math.max(0, by));
    if (by === -1) return bad('its signature is not by the hub key of this site');
    const body = bodyOf(record);
    if (body === null) return bad('its content is not what a hub writes');
    if (body.n !== n) return bad(`it calls itself number ${String(body.n)}`);
    if (body.prev !== expected.hash) return bad('it does not follow the record before it');
    expected = { count: n, hash: record.hash };
  }
  const head = auditHead(store);
  if (head.count !== expected.count || head.hash !== expected.hash) {
    return {
      ok: false,
      record: expected.count + 1,
      why: `the chain ends at ${expected.count}, and its head says ${head.count}: the tail was cut or replaced`,
    };
  }
  return { ok: true, head };
}

/** What lies in the store may have been changed by anyone who can write the file: nothing of it is taken for granted. */
function isRecord(value: unknown): value is AuditRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { body, hash, signature } = value as Partial<Record<keyof AuditRecord, unknown>>;
  return body instanceof Uint8Array && typeof hash === 'string' && signature instanceof Uint8Array;
}

function bodyOf(record: AuditRecord): { readonly n?: unknown; readonly prev?: unknown } | null {
  try {
    const body = decodeCbor(record.body);
    return typeof body === 'object' ? body : null;
  } catch {
    return null;
  }
}

/** One record's content, for people and exports. */
export function readAudit(record: AuditRecord): AuditEntry & { readonly n: number; readonly ts: number } {
  return decodeCbor(record.body) as AuditEntry & { n: number; ts: number };
}
