import { encodeCbor } from '../../broker/cbor.ts';
import type { Ack, Event } from '../../broker/messages.ts';
import { seal } from '../../broker/signed.ts';
import { agentTopic } from '../../broker/topics.ts';
import { auditHead } from '../chain/audit.ts';
import type { Hub } from '../hub.ts';
import { hubTime } from '../site/hub-time.ts';
import { heardOf, stretchOf, throughOf } from './heard.ts';
import type { StoredThrough } from './ingest.ts';

/** An agent hears so often that its telemetry is stored: each word costs the hub a signature and the agent a flush. */
const TELL_EVERY_MS = 30_000;
/** How often it is looked whose time has come. */
const SWEEP_MS = 3_000;
/** An agent that was asked for frames again has so long to bring them. */
const ASK_EVERY_MS = 10_000;

/** Tells agents, signed, what of theirs is stored: the only word by which they forget (invariant 9). */
export class Acks {
  private readonly hub: Hub;
  private readonly told = new Map<string, number>();
  private readonly asked = new Map<string, number>();
  /** What has to be told when its agent's time has come, by agent and boot. */
  private readonly due = new Map<string, StoredThrough>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(hub: Hub) {
    this.hub = hub;
  }

  /** The counter only grows, over restarts too: an agent takes no ack twice, and none that is older than its last. */
  async send(said: Pick<Ack, 'agent' | 'boot' | 'through' | 'also' | 'frames' | 'again'>): Promise<void> {
    const { store, key, mesh } = this.hub;
    const { counter, now } = await store.write(() => {
      const counter = ((store.meta.get('ack_counter') as number | undefined) ?? 0) + 1;
      void store.meta.put('ack_counter', counter);
      return { counter, now: hubTime(store, this.hub.now()) };
    });
    const { epoch } = this.hub.roster;
    const ack: Ack = { ...said, now, counter, audit_head: auditHead(store), epoch };
    await mesh.publish(agentTopic(said.agent, 'ack'), seal('ack', encodeCbor(ack), key));
  }

  /** This event or result is stored, or known to be lost. */
  heard({ agent, boot, seq }: Pick<Event, 'agent' | 'boot' | 'seq'>): Promise<void> {
    const heard = heardOf(this.hub.store, agent, boot);
    const through = throughOf(heard);
    const [from, to] = stretchOf(heard, seq) ?? [0, 0];
    const also = to > through ? { also: { from: Math.max(1, from), to } } : {};
    // An ack that is lost is made up for by the next: what it speaks of is stored all the same.
    return this.send({ agent, boot, through, ...also }).catch(() => {});
  }

  /** Telemetry is stored: said at once, and then again when it is time. */
  stored(one: StoredThrough): void {
    const key = `${one.agent}/${one.boot}`;
    if (this.isOld(this.told.get(key) ?? 0)) this.tell(key, one);
    else this.due.set(key, one);
    this.sweepLater();
  }

  /** What is due stays untold: an agent that comes back is told anew. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Asks for the frames after this one again. */
  again({ agent, boot, through }: StoredThrough): void {
    const now = this.hub.now();
    if (now - (this.asked.get(agent) ?? 0) < ASK_EVERY_MS) return;
    this.asked.set(agent, now);
    this.telemetry({ agent, boot, through }, { again: through + 1 });
  }

  private tell(key: string, one: StoredThrough): void {
    this.due.delete(key);
    this.told.set(key, this.hub.now());
    this.telemetry(one, {});
  }

  /** Long enough ago to tell again; what is ahead of a clock that was set back is old too. */
  private isOld(at: number): boolean {
    return Math.abs(this.hub.now() - at) >= TELL_EVERY_MS;
  }

  private sweep(): void {
    this.timer = undefined;
    for (const [key, one] of this.due) if (this.isOld(this.told.get(key) ?? 0)) this.tell(key, one);
    for (const [key, at] of this.told) if (this.isOld(at)) this.told.delete(key);
    if (this.due.size > 0) this.sweepLater();
  }

  private sweepLater(): void {
    if (!this.stopped) this.timer ??= setTimeout(() => this.sweep(), SWEEP_MS).unref();
  }

  private telemetry({ agent, boot, through }: StoredThrough, more: { readonly again?: number }): void {
    const heard = throughOf(heardOf(this.hub.store, agent, boot));
    // An ack that is lost is made up for by the next.
    void this.send({ agent, boot, through: heard, frames: through, ...more }).catch(() => {});
  }
}
