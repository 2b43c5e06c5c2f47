import { LIMITS } from './messages.ts';

/** PUBLISH at QoS 1 and not retained; with DUP it is the same message (MQTT 3.1.1 section 3.3.1). */
const PUBLISH_QOS1 = 0x32;
const DUP = 0x08;
const NUMBER_BYTES = 2;
const LENGTH_BYTES = 4;

/** Whose telemetry is taken, while nobody but the hub reads it, and who stores it. */
export interface TelemetryPath {
  readonly topic: string;
  /** Asked for every message: whether no other reader has a filter for the topic. */
  readonly isOpen: () => boolean;
  /** The payload is the memory of what was read; `done` is called once, when it is durable, or with why it is not. */
  readonly store: (payload: Uint8Array, done: (error: Error | null) => void) => void;
}

/**
 * Finds one client's telemetry in its stream of packets before a parser sees it. An agent says hardly anything else,
 * and the general way of a message through a broker costs several times what storing it does. It is a PUBLISH at QoS 1
 * on exactly this topic; all else, and all that is odd about one, is the parser's.
 */
export class Shortcut {
  private readonly topic: Buffer;
  private readonly isOpen: () => boolean;
  private readonly take: (id: number, payload: Buffer) => void;

  constructor(topic: string, isOpen: () => boolean, take: (id: number, payload: Buffer) => void) {
    this.topic = Buffer.from(topic);
    this.isOpen = isOpen;
    this.take = take;
  }

  /**
   * How long the packet of telemetry is that begins here, though not all of it be there; 0 when there is none, -1 when
   * more bytes must come before that is known (never more than the topic's length and a few).
   */
  look(chunk: Buffer, at: number): number {
    if (((chunk[at] ?? 0) & ~DUP) !== PUBLISH_QOS1 || !this.isOpen()) return 0;
    const { topic } = this;
    let length = 0;
    let body = at + 1;
    for (let i = 0; ; i++) {
      const byte = chunk[body++];
      if (byte === undefined) return -1;
      if (i === LENGTH_BYTES) return 0;
      length += (byte & 0x7f) * 128 ** i;
      if ((byte & 0x80) === 0) break;
    }
    const payload = length - 2 - topic.length - NUMBER_BYTES;
    if (payload < 0 || payload > LIMITS.payload) return 0;
    const number = body + 2 + topic.length;
    // The packet is longer than this, so these bytes will come.
    if (number + NUMBER_BYTES > chunk.length) return -1;
    if (chunk.readUInt16BE(body) !== topic.length || topic.compare(chunk, body + 2, number) !== 0) return 0;
    // No packet has the number 0 (MQTT-2.3.1-1).
    return chunk.readUInt16BE(number) === 0 ? 0 : body + length - at;
  }

  /** Hands on the packet that was found here, whole. */
  pass(chunk: Buffer, at: number, size: number): void {
    let body = at + 1;
    while (((chunk[body++] ?? 0) & 0x80) !== 0);
    const number = body + 2 + this.topic.length;
    this.take(chunk.readUInt16BE(number), chunk.subarray(number + NUMBER_BYTES, at + size));
  }
}
