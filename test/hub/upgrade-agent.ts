import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { topicsOf } from '../../agent/hearing.ts';
import { Trust } from '../../agent/trust.ts';
import { isUpgradeMessage, Upgrader } from '../../agent/upgrader.ts';
import { encodeCbor } from '../../broker/cbor.ts';
import { Link } from '../../broker/link.ts';
import { sealRoster } from '../../broker/roster.ts';
import { seal } from '../../broker/signed.ts';
import { agentTopic } from '../../broker/topics.ts';
import type { UpgradeAnswer } from '../../broker/upgrade-messages.ts';
import { UpgradeHost } from '../agent/upgrade-fixtures.ts';
import { birth } from '../broker/samples.ts';
import type { TestAgent } from '../broker/site.ts';
import { keys, type SmallHub } from './small-hub.ts';

/** What the version that comes is like: it works, or never speaks. */
export type Next = 'works' | 'is mute';

/**
 * One host over the real mesh: the agent's own relay, the executor's own acceptance and the real guard. What a service
 * manager does, ending one version and starting another, is done here.
 */
export class UpgradeAgent {
  readonly host: UpgradeHost;
  /** The answers of its executor, in order. */
  readonly answers: UpgradeAnswer[] = [];
  version = '0.1.0';
  private readonly small: SmallHub;
  private readonly agent: TestAgent;
  private readonly next: Next;
  private link: Link | null = null;
  private guarding: Promise<void> | null = null;

  constructor(small: SmallHub, agent: TestAgent, next: Next = 'works') {
    this.small = small;
    this.agent = agent;
    this.next = next;
    const folder = mkdtempSync(join(tmpdir(), 'sentinel-trust-'));
    const trust = new Trust(folder, keys.root.public);
    trust.learnRoster(sealRoster(small.hub.roster, keys.root));
    this.host = new UpgradeHost({ trust, close: () => rmSync(folder, { recursive: true, force: true }) });
  }

  /** Connects as the version that is installed now, and says who it is. */
  async start(can: object = { upgrades: true }): Promise<void> {
    await this.link?.close();
    const { name, key, secret } = this.agent;
    const boot = randomBytes(8).toString('hex');
    const link = new Link({
      ...{ url: `mqtt://127.0.0.1:${this.small.port}`, id: name, login: { secret }, topics: topicsOf(name) },
      will: { topic: agentTopic(name, 'st'), payload: encodeCbor({ boot, state: 'dead', ts: 1 }) },
    });
    this.link = link;
    const upgrader = new Upgrader({
      ...{ agent: name, boot, trust: this.host.site.trust, live: true, signed: () => ({ roster: new Uint8Array() }) },
      link: { upgrade: async ({ upgrade, dry }) => this.take(upgrade, !dry) },
      say: (report) => void link.publish(agentTopic(name, 'r'), seal('upgrade_report', encodeCbor(report), key), false),
    });
    link.on('message', (topic, payload) => {
      if (topic === agentTopic(name, 'c') && isUpgradeMessage(payload)) upgrader.hear(payload);
    });
    await new Promise<void>((resolve) => link.once('up', () => resolve()));
    const said = {
      ...{ ...birth, agent: name, boot, key: key.public, version: this.version, count: 1 },
      can: { live: true, privileged: true, ...can },
    };
    await link.publish(agentTopic(name, 'b'), seal('birth', encodeCbor(said), key), true);
  }

  /** Resolves when the guard has seen it through. */
  async settled(): Promise<void> {
    await this.guarding;
  }

  async close(): Promise<void> {
    await this.link?.close();
    await this.guarding;
    this.host.close();
  }

  private take(message: Uint8Array, live: boolean): UpgradeAnswer {
    const answer = this.tried(message, live);
    this.answers.push(answer);
    // A process of its own, which begins when it is scheduled.
    if (answer.state === 'switching')
      this.guarding ??= new Promise((resolve) => setImmediate(() => resolve(this.guard())));
    return answer;
  }

  private tried(message: Uint8Array, live: boolean): UpgradeAnswer {
    try {
      return this.host.upgrades({ agent: this.agent.name, version: this.version }).take(message, live);
    } catch (error) {
      return { state: 'refused', code: error instanceof Error && 'code' in error ? String(error.code) : 'E_INTERNAL' };
    }
  }

  private async guard(): Promise<void> {
    const { host, next } = this;
    await host.guard(() => void this.restarted(next));
  }

  /** The service manager has ended the one version and started the one that is installed. */
  private async restarted(next: Next): Promise<void> {
    await this.link?.close();
    this.version = versionIn(this.host.label());
    if (this.version === '0.1.0' || next === 'works') await this.start();
  }
}

const versionIn = (label: string): string => JSON.parse(label).version;
