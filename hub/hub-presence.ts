import type { AutomationRule } from '../broker/automation-rule.ts';
import { hubTopic } from '../broker/topics.ts';
import { appendAudit } from './chain/audit.ts';
import type { Hub } from './hub.ts';
import { hubState } from './site/takeover.ts';
import type { HubStatus } from './store/store.ts';

/** What a running hub says of itself: to readers of the store, to the audit chain and on the mesh. */
export class HubPresence {
  private readonly hub: Hub;
  private status: HubStatus;

  constructor(hub: Hub, said: Pick<HubStatus, 'reasoner' | 'address' | 'tls'>) {
    this.hub = hub;
    const { site, live, now, automation } = hub;
    const rule = automation.inForce === null ? {} : { rule: automation.inForce.rule };
    this.status = { site: site.name, pid: process.pid, started: now(), live, ...said, stopped: null, ...rule };
  }

  get reasoner(): string {
    return this.status.reasoner;
  }

  /** In the store and the audit chain; resolves when it is on the disk. */
  async begin(): Promise<void> {
    const { store, key, live, policy, automation, log, now } = this.hub;
    const { rule, signed } = automation.inForce ?? {};
    const data = { live, policy: policy.hash, ...(signed === undefined ? {} : { rule: signed }) };
    const entry = { kind: 'hub.started', incident: null, actor: 'hub', data };
    if (rule !== undefined) log.warn('plans that are allowed in every command run with nobody there', shown(rule));
    await store.write(() => {
      void store.meta.put('hub', this.status);
      appendAudit(store, key, entry, now());
    });
  }

  /** Another reasoner has joined. On a full disk it reasons all the same, and readers of the store see that later. */
  async reasonsWith(reasoner: string): Promise<void> {
    this.status = { ...this.status, reasoner };
    const { store, log } = this.hub;
    try {
      await store.write(() => void store.meta.put('hub', this.status));
    } catch (error) {
      log.warn('could not note the reasoner', { why: error instanceof Error ? error.message : String(error) });
    }
  }

  /** On the mesh, retained: agents greet a hub that has come. */
  say(state: 'online' | 'stopped'): Promise<void> {
    return this.hub.mesh.publish(hubTopic('st'), hubState(state, this.hub.now()), { retain: true });
  }

  async end(): Promise<void> {
    await this.hub.store.write(() => void this.hub.store.meta.put('hub', { ...this.status, stopped: this.hub.now() }));
  }
}

/** A rule in the words of a log line. */
const shown = ({ id, by, confidence, per_host_hour, not_after }: AutomationRule) => ({
  rule: id,
  by,
  confidence,
  per_host_hour,
  until: new Date(not_after).toISOString().slice(0, 10),
  live_only: 'where hub and agent are live',
});
