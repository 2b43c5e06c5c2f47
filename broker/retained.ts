import { Readable } from 'node:stream';
import type { PublishPacket } from 'aedes';
import { matches } from './routes.ts';

/** What of Aedes' persistence deals with retained messages. */
export interface RetainedStore {
  storeRetained(packet: PublishPacket): Promise<void>;
  createRetainedStream(filter: string): Readable;
  createRetainedStreamCombi(filters: readonly string[]): Readable;
}

const hasWildcard = (filter: string): boolean => /[+#]/.test(filter);

/**
 * Retained messages by topic. Aedes' own store looks through all of them for every filter: when a site of 10,000 agents
 * connects anew, each of them asks for six exact topics among more than 20,000 that are retained.
 */
export class Retained {
  private readonly byTopic = new Map<string, PublishPacket>();

  /** An empty payload erases what was retained (MQTT-3.3.1-10). */
  keep(packet: PublishPacket): void {
    if (packet.payload.length === 0) this.byTopic.delete(packet.topic);
    else this.byTopic.set(packet.topic, { ...packet });
  }

  /** What is retained for these filters, filter by filter. */
  *of(filters: readonly string[]): Generator<PublishPacket> {
    for (const filter of filters) {
      if (!hasWildcard(filter)) {
        const packet = this.byTopic.get(filter);
        if (packet !== undefined) yield packet;
        continue;
      }
      for (const [topic, packet] of this.byTopic) if (matches(filter, topic)) yield packet;
    }
  }

  /** Takes the place of a persistence's own. */
  replaceIn(persistence: RetainedStore): void {
    persistence.storeRetained = async (packet) => this.keep(packet);
    persistence.createRetainedStreamCombi = (filters) => Readable.from(this.of(filters));
    persistence.createRetainedStream = (filter) => Readable.from(this.of([filter]));
  }
}
