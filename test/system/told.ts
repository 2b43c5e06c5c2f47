import { connect, type MqttClient } from 'mqtt';
import { decodeCbor } from '../../broker/cbor.ts';
import { ack as ackShape, event as eventShape, result as resultShape } from '../../broker/messages.ts';
import { open } from '../../broker/signed.ts';
import type { Login } from './brokers.ts';

/** What the hub has said, by its signature, that it stored of one start of the agent. */
export interface Covered {
  /** Events and results. */
  readonly seqs: Set<number>;
  /** Telemetry: everything up to this frame. */
  frames: number;
}

/**
 * Listens to a broker beside hub and agent, and remembers by start of the agent what was said and what the hub's signature
 * covers. A broker that is killed takes with it what it had not given to this listener: what it heard was said for sure.
 */
export class Told {
  /** Events and results that were said, by start. */
  readonly said = new Map<string, Set<number>>();
  readonly covered = new Map<string, Covered>();
  private readonly client: MqttClient;
  private readonly hubKey: () => Uint8Array;

  constructor(options: { readonly url: string; readonly login: Login; readonly hubKey: () => Uint8Array }) {
    this.hubKey = options.hubKey;
    this.client = connect(options.url, {
      clientId: 'listener',
      username: options.login.user,
      password: options.login.password,
      clean: false,
      reconnectPeriod: 200,
    });
    this.client.on('error', () => {});
    this.client.on('connect', () => this.client.subscribe(['s/1/+/e', 's/1/+/r', 's/1/+/ack'], { qos: 1 }));
    this.client.on('message', (topic, payload) => this.hear(topic, new Uint8Array(payload)));
  }

  close(): Promise<void> {
    return this.client.endAsync(true);
  }

  private hear(topic: string, payload: Uint8Array): void {
    if (topic.endsWith('/ack')) {
      const { boot, through, also, frames } = ackShape(decodeCbor(open('ack', payload, this.hubKey())), '');
      const covered = this.covered.get(boot) ?? { seqs: new Set(), frames: 0 };
      this.covered.set(boot, covered);
      for (let seq = 1; seq <= through; seq++) covered.seqs.add(seq);
      for (let seq = also?.from ?? 1; seq <= (also?.to ?? 0); seq++) covered.seqs.add(seq);
      covered.frames = Math.max(covered.frames, frames ?? 0);
      return;
    }
    const shape = topic.endsWith('/e') ? eventShape : resultShape;
    // The hub judges signatures; who else would speak here is started by the test.
    const [, , signed] = decodeCbor(payload) as readonly [unknown, unknown, Uint8Array];
    const { boot, seq } = shape(decodeCbor(signed), '');
    this.said.set(boot, (this.said.get(boot) ?? new Set()).add(seq));
  }
}
