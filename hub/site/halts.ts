import { type Halt, openLift, type SignedLift, sealCheckpoint, sealHalt } from '../../broker/halts.ts';
import { hubTopic } from '../../broker/topics.ts';
import { appendAudit, auditHead } from '../chain/audit.ts';
import type { Hub } from '../hub.ts';
import { ActError } from '../steps/approve.ts';
import type { Store } from '../store/store.ts';

const HALT = 'halt';
const HUB_TIME = 'hub_time';
/** A chain that was cut is noticed after this at the latest; each one is a small message to all. */
const CHECKPOINT_EVERY_MS = 60_000;

/** The last halt or lift of this hub; null when there was none. */
export const readHalt = (store: Store): Halt | null => (store.meta.get(HALT) as Halt | undefined) ?? null;

/** Whether no order may be given now. */
export const isHalted = (store: Store): boolean => readHalt(store)?.halted === true;

/** The hub's time as it signs it: it never goes back, whatever the clock does. Call it inside a transaction. */
export function hubTime(store: Store, clock: number): number {
  const now = Math.max(clock, (store.meta.get(HUB_TIME) as number | undefined) ?? 0);
  void store.meta.put(HUB_TIME, now);
  return now;
}

/** What the hub tells all agents beside the roster: whether execution is halted, and where the audit chain stands. */
export class Announcements {
  private readonly hub: Hub;
  private told = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(hub: Hub) {
    this.hub = hub;
  }

  /** Tells what was in force before this hub was started, and from now on the chain's head as it grows. */
  async start(): Promise<void> {
    const halt = readHalt(this.hub.store);
    if (halt !== null) await this.tell(halt);
    await this.checkpoint();
    const failed = (error: unknown) => this.hub.log.error('no checkpoint was published', { why: String(error) });
    this.timer = setInterval(() => void this.checkpoint().catch(failed), CHECKPOINT_EVERY_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Stops all execution, here and at every agent that hears it. */
  async halt(by: string, reason: string): Promise<void> {
    await this.change({ halted: true, by, reason });
  }

  /** Lifts the present halt by an admin's signature over its counter. Throws ActError or SignatureError. */
  async lift(signed: SignedLift): Promise<void> {
    const { store, roster } = this.hub;
    const present = readHalt(store);
    const { counter, by } = openLift(signed, roster);
    if (present === null || !present.halted) throw new ActError('E_ACT_STATE', 'nothing is halted');
    if (counter !== present.counter)
      throw new ActError('E_ACT_MISMATCH', `the halt in force is number ${present.counter}`);
    await this.change({ halted: false, by, reason: '', lift: signed.payload, lift_signature: signed.signature });
  }

  private async change(said: Pick<Halt, 'halted' | 'by' | 'reason'> & Partial<Halt>): Promise<void> {
    const { store, site, roster, key, now } = this.hub;
    const halt = await store.write(() => {
      const next = {
        site: site.name,
        epoch: roster.epoch,
        counter: (readHalt(store)?.counter ?? 0) + 1,
        at: hubTime(store, now()),
        ...said,
      };
      void store.meta.put(HALT, next);
      const { counter, by, reason } = next;
      const kind = next.halted ? 'site.halted' : 'site.lifted';
      appendAudit(store, key, { kind, incident: null, actor: by, data: { counter, reason } }, next.at);
      return next;
    });
    this.hub.log.warn(halt.halted ? 'HALTED: nothing is executed' : 'the halt is lifted', { by: halt.by });
    await this.tell(halt);
    await this.checkpoint();
  }

  private tell(halt: Halt): Promise<void> {
    const { mesh, key, roster } = this.hub;
    // Signed as of the present epoch: a hub that has taken over stands by what it found.
    return mesh.publish(hubTopic('halt'), sealHalt({ ...halt, epoch: roster.epoch }, key), { retain: true });
  }

  private async checkpoint(): Promise<void> {
    const { store, site, roster, key, mesh, now } = this.hub;
    if (auditHead(store).count === this.told) return;
    const at = await store.write(() => hubTime(store, now()));
    // Read at the last moment: an agent may have heard of a later head by then.
    const audit_head = auditHead(store);
    this.told = audit_head.count;
    const checkpoint = { site: site.name, epoch: roster.epoch, now: at, audit_head };
    await mesh.publish(hubTopic('ckpt'), sealCheckpoint(checkpoint, key), { retain: true });
  }
}
