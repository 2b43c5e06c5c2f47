import { type Halt, openLift, type SignedLift, sealHalt } from '../../broker/halts.ts';
import type { Roster } from '../../broker/messages.ts';
import { hubTopic } from '../../broker/topics.ts';
import { appendAudit } from '../chain/audit.ts';
import type { Checkpoints } from '../chain/checkpoints.ts';
import type { Hub } from '../hub.ts';
import { ActError } from '../steps/approve.ts';
import type { Store } from '../store/store.ts';
import { hubTime } from './hub-time.ts';

const HALT = 'halt';

/** The last halt or lift of this hub; null when there was none. */
export const readHalt = (store: Store): Halt | null => (store.meta.get(HALT) as Halt | undefined) ?? null;

/** Whether no order may be given now. */
export const isHalted = (store: Store): boolean => readHalt(store)?.halted === true;

/** Why an agent that hears this lift only now would not believe it: whoever signed it has left since. Null where it would. */
export function liftLapsed({ halted, lift, lift_signature: signature }: Halt, roster: Roster): string | null {
  if (halted || lift === undefined || signature === undefined) return null;
  try {
    openLift({ payload: lift, signature }, roster);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What the hub tells all agents beside the roster and the chain's checkpoints: whether execution is halted. */
export class Announcements {
  private readonly hub: Hub;
  private readonly checkpoints: Pick<Checkpoints, 'make'>;

  constructor(hub: Hub, checkpoints: Pick<Checkpoints, 'make'>) {
    this.hub = hub;
    this.checkpoints = checkpoints;
  }

  /** Tells what was in force before this hub was started. */
  async start(): Promise<void> {
    const halt = readHalt(this.hub.store);
    if (halt !== null) await this.tell(halt);
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

  /** Tells that an approval is remembered no more: with the next checkpoint, and that is made now. */
  async revoked(): Promise<void> {
    await this.checkpoints.make();
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
    await this.checkpoints.make();
  }

  private tell(halt: Halt): Promise<void> {
    const { mesh, key, roster } = this.hub;
    // Signed as of the present epoch: a hub that has taken over stands by what it found.
    return mesh.publish(hubTopic('halt'), sealHalt({ ...halt, epoch: roster.epoch }, key), { retain: true });
  }
}
