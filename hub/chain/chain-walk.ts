import { hash, type KeyObject, verify } from 'node:crypto';
import { importedKey } from '../../broker/keys.ts';
import type { AuditHead } from '../../broker/messages.ts';
import type { AuditFinding, AuditRecord } from './audit.ts';
import { bodyHead } from './body-head.ts';
import { GrowingTree } from './merkle.ts';

/** Where somebody has seen the chain stand once: a checkpoint, or what an agent remembers. */
export interface Seen extends AuditHead {
  /** Root of the Merkle tree at that count; null where it was not said. */
  readonly root: Uint8Array | null;
  /** Who has seen it, as the message names it: `the checkpoint of 2026-11-26T10:00:00.000Z`. */
  readonly by: string;
}

/** What a chain is held against beside itself. */
export interface Held {
  readonly seen?: readonly Seen[];
  /** Records up to this number are taken without their signatures: a checkpoint that was checked vouches for them. */
  readonly vouched?: number;
}

/** Where a walk along the chain stands: it is given the records in order. */
export class ChainWalk {
  at: AuditHead;
  /** What of `seen` the chain agrees with, the highest number. */
  agreed = 0;
  #keys: readonly KeyObject[];
  readonly #vouched: number;
  readonly #seen: readonly Seen[];
  readonly #tree: GrowingTree | null;
  #next = 0;

  /** Begins after `start`; what was `seen` counts for a walk that begins at the first record. */
  constructor(keys: readonly Uint8Array[], start: AuditHead, { seen = [], vouched = 0 }: Held = {}) {
    this.#keys = keys.map(importedKey);
    this.at = start;
    this.#vouched = vouched;
    this.#seen = [...seen].sort((a, b) => a.count - b.count);
    this.#tree = seen.some(({ root }) => root !== null) ? new GrowingTree() : null;
  }

  /** Null when the record is the next one and good. */
  next(n: number, record: unknown): AuditFinding | null {
    const bad = (why: string): AuditFinding => ({ ok: false, record: this.at.count + 1, why });
    if (n !== this.at.count + 1) return bad(`record ${this.at.count + 1} is missing: the next one is ${n}`);
    if (!isRecord(record)) return bad('it is not a record');
    const hex = hash('sha256', record.body, 'hex');
    if (hex !== record.hash) return bad('its content does not have the hash that it was stored with');
    const digest = Buffer.from(hex, 'hex');
    if (n > this.#vouched && !this.#isSigned(digest, record.signature))
      return bad('its signature is not by the hub key of this site');
    const head = bodyHead(record.body);
    if (head === null) return bad('its content is not what a hub writes');
    if (head.n !== n) return bad(`it calls itself number ${String(head.n)}`);
    if (head.prev !== this.at.hash) return bad('it does not follow the record before it');
    this.at = { count: n, hash: record.hash };
    this.#tree?.add(digest);
    return this.#held();
  }

  /** What is to be said of the chain when there is no further record. */
  end(head: AuditHead): AuditFinding {
    const { count, hash } = this.at;
    if (head.count !== count || head.hash !== hash) {
      const why = `the chain ends at ${count}, and its head says ${head.count}: the tail was cut or replaced`;
      return { ok: false, record: count + 1, why };
    }
    const more = this.#seen.findLast((one) => one.count > count);
    if (more === undefined) return { ok: true, head };
    const why = `the chain ends at ${count}, and ${more.by} has seen ${more.count} records: its tail was cut, or this is an older store`;
    return { ok: false, record: count + 1, why };
  }

  #isSigned(digest: Uint8Array, signature: Uint8Array): boolean {
    const by = this.#keys.findIndex((key) => verify(null, digest, key, signature));
    if (by > 0) this.#keys = this.#keys.slice(by);
    return by !== -1;
  }

  /** Holds the chain as it stands against who has seen it so long. */
  #held(): AuditFinding | null {
    const { count, hash } = this.at;
    for (let one = this.#seen[this.#next]; one !== undefined && one.count <= count; one = this.#seen[++this.#next]) {
      if (one.count < count) continue;
      const root = one.root === null ? null : this.#tree?.root();
      if (one.hash !== hash || (root && !Buffer.from(root).equals(one.root ?? root))) {
        const of = this.agreed + 1 === count ? `it is not` : `one of the records ${this.agreed + 1} to ${count} is not`;
        return { ok: false, record: count, why: `${of} what ${one.by} has seen: it was replaced, and signed anew` };
      }
      this.agreed = count;
    }
    return null;
  }
}

/** What lies in the store may have been changed by anyone who can write the file: nothing of it is taken for granted. */
export function isRecord(value: unknown): value is AuditRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { body, hash, signature } = value as Partial<Record<keyof AuditRecord, unknown>>;
  return body instanceof Uint8Array && typeof hash === 'string' && signature instanceof Uint8Array;
}
