import { BROKER } from './broker-limits.ts';

/** What of Aedes is needed to say something. */
interface Publisher {
  publish(packet: object, done: (error?: Error | null) => void): void;
}

interface Waiting {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  readonly qos: 0 | 1;
  readonly done: (error?: Error | null) => void;
}

/**
 * What the hub says, a few messages a turn: between turns the sockets take what was written, so that the bytes which
 * wait for a reader are known when the next message is for it.
 */
export class Outgoing {
  private readonly broker: Publisher;
  private queue: Waiting[] = [];
  private next = 0;

  constructor(broker: object) {
    this.broker = broker as Publisher;
  }

  get waiting(): number {
    return this.queue.length - this.next;
  }

  /** Resolves when it was handed to every reader who is there. */
  publish(topic: string, payload: Uint8Array, retain: boolean, qos: 0 | 1): Promise<void> {
    return new Promise((resolve, reject) => {
      const isIdle = this.waiting === 0;
      const { buffer, byteOffset, byteLength } = payload;
      this.queue.push({
        topic,
        payload: Buffer.from(buffer, byteOffset, byteLength),
        retain,
        qos,
        done: (error) => (error ? reject(error) : resolve()),
      });
      if (isIdle) setImmediate(() => this.drain());
    });
  }

  private drain(): void {
    for (let n = 0; n < BROKER.publishesPerTurn && this.waiting > 0; n++) {
      const message = this.queue[this.next++];
      if (message === undefined) break;
      const { topic, payload, retain, qos, done } = message;
      this.broker.publish({ cmd: 'publish', topic, payload, qos, retain, dup: false }, done);
    }
    if (this.waiting > 0) {
      setImmediate(() => this.drain());
      return;
    }
    this.queue = [];
    this.next = 0;
  }
}
