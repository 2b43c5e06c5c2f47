import { setTimeout as sleep } from 'node:timers/promises';
import { decodeCbor } from '../../broker/cbor.ts';
import { type Checkpoint, checkpointShape, sealCheckpoint } from '../../broker/halts.ts';
import { peek } from '../../broker/signed.ts';
import { hubTopic } from '../../broker/topics.ts';
import { revokedIds } from '../automation/remembered.ts';
import type { Hub } from '../hub.ts';
import { hubTime } from '../site/hub-time.ts';
import type { Store } from '../store/store.ts';
import { auditHead } from './audit.ts';
import { growTree, TREE_SLICE, treeRootAt } from './checkpoint-tree.ts';

/** A chain that was cut is noticed after this at the latest; each one is a small message to all. */
export const CHECKPOINT_EVERY_MS = 60_000;
/** Of the checkpoints in the store one an hour stays: 2 MB a year. The newest always does. */
const KEPT_EVERY_MS = 3_600_000;
/** Between two slices of an old chain that is taken into the tree: a tenth of a core at most. */
const PAUSE_MS = 50;

/** For the mesh to take the last one. */
const GOODBYE_MS = 5_000;

/** A checkpoint, and the message that vouches for it. */
export interface Sealed {
  readonly checkpoint: Checkpoint;
  /** COSE_Sign1 by the hub's order key, as it is published. */
  readonly message: Uint8Array;
}

/** Where checkpoints are written beside the store, so that who changes the store does not change them. */
export interface CheckpointPlace {
  readonly name: string;
  /** Rejects when it was not taken. */
  readonly write: (sealed: Sealed) => Promise<void>;
}

/**
 * Says where the audit chain stands, signed: retained on the mesh, kept in the store, and written to the places that the
 * site names. Once a minute while the chain grows, and once more when the hub ends.
 */
export class Checkpoints {
  readonly #hub: Hub;
  readonly #places: readonly CheckpointPlace[];
  /** True once another hub has taken over: its word stands on the mesh. */
  readonly #isOver: () => boolean;
  /** Records that the last checkpoint covered, and whether it had a root. */
  #told = { count: 0, hasRoot: false };
  readonly #failing = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  readonly #stop = new AbortController();
  #following: Promise<void> | null = null;

  constructor(hub: Hub, places: readonly CheckpointPlace[] = [], isOver: () => boolean = () => false) {
    this.#hub = hub;
    this.#places = places;
    this.#isOver = isOver;
  }

  /** Tells where the chain stands now, and from then on as it grows. */
  async start(): Promise<void> {
    await this.make();
    const failed = (error: unknown) => this.#hub.log.error('no checkpoint was published', { why: String(error) });
    this.#timer = setInterval(() => void this.make().catch(failed), CHECKPOINT_EVERY_MS);
    this.#timer.unref();
  }

  /** The last word: call it when nothing is written to the chain any more, and the mesh and the store are still open. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    await this.#following;
    const failed = (error: unknown) => this.#hub.log.error('the last checkpoint was lost', { why: String(error) });
    // What is kept and written beside the store is so before it is published: a broker that hangs must not hold the hub.
    await Promise.race([this.make().catch(failed), sleep(GOODBYE_MS, undefined, { ref: false })]);
  }

  /** Makes one now, unless the last one says the same; resolves when it was published and kept. */
  async make(): Promise<void> {
    const { store, site, roster, key, mesh, now } = this.#hub;
    const { count, hasRoot } = this.#told;
    if (this.#isOver() || (auditHead(store).count === count && hasRoot)) return;
    const at = await store.write(() => {
      growTree(store);
      return hubTime(store, now());
    });
    // Read at the last moment: an agent may have heard of a later head by then.
    const audit_head = auditHead(store);
    const root = treeRootAt(store, audit_head.count);
    if (audit_head.count === count && root === null) return;
    this.#told = { count: audit_head.count, hasRoot: root !== null };
    if (root === null) this.#following ??= this.#follow();
    const revoked = revokedIds(store, at);
    const checkpoint = {
      site: site.name,
      epoch: roster.epoch,
      now: at,
      audit_head,
      ...(root === null ? {} : { root }),
      ...(revoked.length === 0 ? {} : { revoked }),
    };
    const sealed = { checkpoint, message: sealCheckpoint(checkpoint, key) };
    const published = mesh.publish(hubTopic('ckpt'), sealed.message, { retain: true });
    // Awaited at the end: until then it must not count as unheard.
    published.catch(() => {});
    await store.write(() => keep(store, sealed));
    await this.#writeBeside(sealed);
    await published;
  }

  async #writeBeside(sealed: Sealed): Promise<void> {
    const { log } = this.#hub;
    for (const { name, write } of this.#places) {
      try {
        await write(sealed);
        if (this.#failing.delete(name)) log.info('checkpoints are written again', { to: name });
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        if (!this.#failing.has(name))
          log.error('no checkpoint was written beside the store', { code: 'E_CHECKPOINT_PLACE', to: name, why });
        this.#failing.add(name);
      }
    }
  }

  /** Takes what the tree lacks of the chain into it, all of an earlier version's, beside everything else; then there is a root to tell. */
  async #follow(): Promise<void> {
    const { store, log } = this.#hub;
    try {
      while (!this.#stop.signal.aborted) {
        const count = await store.write(() => growTree(store));
        if (auditHead(store).count - count < TREE_SLICE) break;
        await sleep(PAUSE_MS, undefined, { signal: this.#stop.signal, ref: false }).catch(() => {});
      }
      if (!this.#stop.signal.aborted) await this.make();
    } catch (error) {
      log.error('could not take the audit chain into its tree', { why: String(error) });
    } finally {
      this.#following = null;
    }
  }
}

/** Inside a transaction: keeps it; of those before, one an hour stays. */
function keep(store: Store, { checkpoint, message }: Sealed): void {
  const [last, before] = [...store.checkpoints.getRange({ reverse: true, limit: 2 })];
  if (last !== undefined && before !== undefined) {
    const [to, from] = [timeOf(last.value), timeOf(before.value)];
    if (to - from < KEPT_EVERY_MS) void store.checkpoints.remove(last.key);
  }
  void store.checkpoints.put(checkpoint.audit_head.count, message);
}

const timeOf = (message: Uint8Array): number => checkpointShape(decodeCbor(peek(message)), '').now;

/** A checkpoint in the store as it lies there; `count` is the number of records under which it was kept. */
export interface KeptCheckpoint {
  readonly count: number;
  readonly message: Uint8Array;
}

/** The checkpoints in the store, the oldest first; none in a store of an earlier version. Nothing of them is checked. */
export function keptCheckpoints(store: Store): readonly KeptCheckpoint[] {
  // A reader finds no table that no writer has made yet.
  const kept = store.checkpoints as Store['checkpoints'] | undefined;
  return kept === undefined ? [] : [...kept.getRange({})].map(({ key, value }) => ({ count: key, message: value }));
}
