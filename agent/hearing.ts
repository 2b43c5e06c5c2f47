import { decodeCbor } from '../broker/cbor.ts';
import type { Log } from '../broker/log.ts';
import { ack as ackShape } from '../broker/messages.ts';
import { open } from '../broker/signed.ts';
import { hubState as hubStateShape } from '../broker/states.ts';
import { agentTopic, hubTopic } from '../broker/topics.ts';
import type { HubClock } from './hub-clock.ts';
import type { OrderQueue } from './order-queue.ts';
import type { Presence } from './presence.ts';
import { isProbeMessage, type Prober } from './probe/prober.ts';
import type { SiteWords } from './site-words.ts';
import type { Telemetry } from './telemetry.ts';
import type { Trust } from './trust.ts';
import { isUpgradeMessage, type Upgrader } from './upgrader.ts';
import type { Voice } from './voice.ts';

export interface HearingParts {
  readonly agent: string;
  readonly trust: Trust;
  readonly words: SiteWords;
  readonly hubClock: HubClock;
  readonly presence: Presence;
  readonly voice: Voice;
  readonly telemetry: Telemetry;
  readonly prober: Prober;
  readonly orders: OrderQueue;
  readonly upgrader: Upgrader;
  /** The host's own record: a lowered audit head is written there, once in a start. */
  readonly audit: (what: string, data: object) => void;
  readonly log: Log;
}

/** The topics that an agent listens to. */
export const topicsOf = (agent: string): readonly string[] => [
  agentTopic(agent, 'c'),
  agentTopic(agent, 'ack'),
  ...(['site', 'st', 'halt', 'ckpt'] as const).map((channel) => hubTopic(channel)),
];

/** Takes what comes over the link to whom it is for. What is refused is counted by its code, and told once. */
export class Hearing {
  readonly #parts: HearingParts;
  /** Messages that were refused, by code. */
  readonly refused = new Map<string, number>();

  constructor(parts: HearingParts) {
    this.#parts = parts;
  }

  /** Never throws: whoever can write to a topic may send anything. */
  hear(topic: string, payload: Uint8Array, isRetained: boolean): void {
    try {
      this.#take(topic, payload, isRetained);
    } catch (error) {
      const { log } = this.#parts;
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'E_MESSAGE';
      const count = (this.refused.get(code) ?? 0) + 1;
      this.refused.set(code, count);
      if (count > 1) return;
      if (code === 'E_AUDIT_ROLLBACK') this.#witness(code, error);
      log.warn('refused a message', { topic, code, why: String(error) });
    }
  }

  #take(topic: string, payload: Uint8Array, isRetained: boolean): void {
    const { agent, words, presence, prober, orders, upgrader } = this.#parts;
    if (topic === hubTopic('st')) {
      const { state, ts } = hubStateShape(decodeCbor(payload), '');
      if (state === 'online') presence.hubIsOnline(ts, isRetained);
    } else if (topic === hubTopic('site')) words.hearRoster(payload);
    else if (topic === hubTopic('ckpt') || topic === hubTopic('halt')) words.hear(topic, payload);
    else if (topic === agentTopic(agent, 'ack')) this.#takeAck(payload);
    else if (topic === agentTopic(agent, 'c')) {
      if (isProbeMessage(payload)) prober.hear(payload);
      else if (isUpgradeMessage(payload)) upgrader.hear(payload);
      else orders.hear(payload);
    }
  }

  /**
   * The hub's audit chain was cut or written anew. It stands in this host's own record, and the hub is told: who did it
   * there does not control what its operators then see of every agent.
   */
  #witness(code: string, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#parts.audit('witness', { code, why });
    const reason = `${why}: records were taken away or replaced. Compare with the agents' own audit.jsonl.`;
    const witnessed = { kind: 'anomaly', signal: 'hub.audit', severity: 'critical', fingerprint: 'hub.audit' } as const;
    this.#parts.voice.event({ ...witnessed, reason }, Date.now(), undefined);
  }

  #takeAck(payload: Uint8Array): void {
    const { agent, trust, words, hubClock, voice, telemetry } = this.#parts;
    const ack = ackShape(decodeCbor(open('ack', payload, trust.roster.hub_key)), '');
    if (ack.agent !== agent) return;
    const doubt = trust.learnAck(ack);
    words.keepAck(payload);
    hubClock.hear(ack.now);
    voice.stored(ack);
    if (ack.frames !== undefined) telemetry.stored(ack.boot, ack.frames);
    if (ack.again !== undefined) telemetry.again(ack.boot, ack.again);
    // Said and counted as a refusal, though what it acknowledges counts.
    if (doubt !== null) throw doubt;
  }
}
