import { hubTopic } from '../broker/topics.ts';
import { appendAudit } from './audit.ts';
import type { Hub } from './hub.ts';
import type { HubStatus } from './store/store.ts';
import { hubState } from './takeover.ts';

/** What a running hub says of itself: to readers of the store, to the audit chain and on the mesh. */
export class HubPresence {
  private readonly hub: Hub;
  private status: HubStatus;

  constructor(hub: Hub, said: Pick<HubStatus, 'reasoner' | 'address'>) {
    this.hub = hub;
    const { site, live, now } = hub;
    this.status = { site: site.name, pid: process.pid, started: now(), live, ...said, stopped: null };
  }

  get reasoner(): string {
    return this.status.reasoner;
  }

  /** In the store and the audit chain; resolves when it is on the disk. */
  async begin(): Promise<void> {
    const { store, key, live, policy, now } = this.hub;
    const entry = { kind: 'hub.started', incident: null, actor: 'hub', data: { live, policy: policy.hash } };
    await store.write(() => {
      void store.meta.put('hub', this.status);
      appendAudit(store, key, entry, now());
    });
  }

  /** Another reasoner has joined. */
  async reasonsWith(reasoner: string): Promise<void> {
    this.status = { ...this.status, reasoner };
    await this.hub.store.write(() => void this.hub.store.meta.put('hub', this.status));
  }

  /** On the mesh, retained: agents greet a hub that has come. */
  say(state: 'online' | 'stopped'): Promise<void> {
    return this.hub.mesh.publish(hubTopic('st'), hubState(state, this.hub.now()), { retain: true });
  }

  async end(): Promise<void> {
    await this.hub.store.write(() => void this.hub.store.meta.put('hub', { ...this.status, stopped: this.hub.now() }));
  }
}
