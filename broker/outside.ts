import { connect, type IPublishPacket, type MqttClient } from 'mqtt';
import { MESH_RULES } from './acl.ts';
import { brokerUrl, type Credentials } from './credentials.ts';
import { within } from './lifetime.ts';
import type { Log } from './log.ts';
import { DEFAULT_PORT, type Inbound, type Mesh, type MeshCounters, type PublishOptions } from './mesh.ts';
import { LIMITS } from './messages.ts';
import { parseRequestTopic, type Request } from './requests.ts';
import { hubTopic, parseAgentTopic } from './topics.ts';

/** MQTT over TLS (IANA). */
const TLS_PORT = 8883;
const RECONNECT_MS = 1_000;
const KEEPALIVE_S = 30;
/** After a message could not be stored: the broker keeps it, and gives it again to who comes back. */
const UNSTORED_MS = 2_000;
/** Messages that are being stored at once. Brokers allow fewer (mosquitto 20), so this only bounds a broken one. */
const PENDING_MAX = 1_024;
/** A word of another in the hub's name is said over after this: two that do so must not do it in a circle at full speed. */
const DEFEND_MS = 2_000;
/** The last words may take so long. */
const GOODBYE_MS = 3_000;
/** The same complaint is logged once in so long. */
const COMPLAIN_EVERY_MS = 30_000;

/** Nothing can be said now: the broker is not there. What must be said is tried again by who wanted to say it. */
export class MeshDownError extends Error {
  readonly code = 'E_MESH_DOWN';
}

export interface OutsideOptions {
  /** mqtt://HOST[:PORT] or mqtts://HOST[:PORT]. */
  readonly url: string;
  readonly credentials: Credentials;
  /** What the broker says for a hub that is gone, on `s/1/hub/st`. */
  readonly will: Uint8Array;
  /** The message is acknowledged (PUBACK) only when this resolves: durable before acknowledged (invariant 9). */
  readonly onMessage: (message: Inbound) => Promise<void>;
  /** A tool asks something: nothing of it is durable. */
  readonly onRequest: (request: Request) => void;
  /** Somebody spoke in the hub's name: this hub itself, or another one. */
  readonly onHub: (topic: string, payload: Uint8Array) => void;
  readonly counters: MeshCounters;
  readonly log: Log;
}

/** The mesh over somebody else's broker, which may be away. */
export interface OutsideMesh extends Mesh {
  isConnected(): boolean;
}

/**
 * The hub as a client of somebody else's broker (MQTT 3.1.1). It resolves at once, connected or not, and goes on trying
 * for ever. What is retained is kept here too and said again at each connection, since a broker may have lost it.
 */
export function openOutside(options: OutsideOptions): OutsideMesh {
  const { hostname, port, protocol } = brokerUrl(options.url);
  return new Outside(options, hostname, port === '' ? (protocol === 'mqtts:' ? TLS_PORT : DEFAULT_PORT) : Number(port));
}

class Outside implements OutsideMesh {
  readonly host: string;
  readonly port: number;
  private readonly options: OutsideOptions;
  private readonly client: MqttClient;
  private readonly retained = new Map<string, Uint8Array>();
  /** Counts connections: an acknowledgement means nothing to a later one. */
  private connection = 0;
  private readonly defending = new Set<string>();
  private pending = 0;
  private readonly handling = new Set<Promise<void>>();
  private waiting: (() => void)[] = [];
  private complained = 0;

  constructor(options: OutsideOptions, host: string, port: number) {
    this.options = options;
    this.host = host;
    this.port = port;
    const { username, password, ca, cert, key } = options.credentials;
    this.client = connect(options.url, {
      clientId: username,
      username,
      ...(password === undefined ? {} : { password }),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      protocolVersion: 4,
      // The broker keeps what comes while the hub is away; the agents' own disks do, if it does not.
      clean: false,
      keepalive: KEEPALIVE_S,
      reconnectPeriod: RECONNECT_MS,
      connectTimeout: 10_000,
      resubscribe: false,
      will: { topic: hubTopic('st'), payload: Buffer.from(options.will), qos: 1, retain: true },
    });
    this.client.setMaxListeners(0);
    this.client.on('connect', () => this.connected());
    this.client.on('error', (error) => this.complain(error));
    this.client.handleMessage = (packet, next) => this.take(packet, next);
  }

  async publish(topic: string, payload: Uint8Array, { retain = false, qos = 1 }: PublishOptions = {}): Promise<void> {
    if (retain) this.retained.set(topic, payload);
    if (!this.client.connected) {
      if (retain) return;
      throw new MeshDownError('the broker can’t be reached now');
    }
    const sent = await this.send(topic, payload, retain, qos);
    if (!sent && !retain) throw new MeshDownError('the connection to the broker was lost');
    // An empty one only takes the retained message away; once that is done there is nothing to say again.
    if (sent && payload.length === 0 && this.retained.get(topic) === payload) this.retained.delete(topic);
  }

  isConnected(): boolean {
    return this.client.connected;
  }

  async close(): Promise<void> {
    const { client } = this;
    await new Promise<void>((resolve) => {
      const late = setTimeout(() => client.end(true, {}, () => resolve()), GOODBYE_MS);
      client.end(!client.connected, {}, () => {
        clearTimeout(late);
        resolve();
      });
    });
    // What is still being stored needs what it is stored in.
    await within(GOODBYE_MS, Promise.allSettled(this.handling));
  }

  /** True when the broker has acknowledged it, false when the connection ended before. */
  private send(topic: string, payload: Uint8Array, retain: boolean, qos: 0 | 1): Promise<boolean> {
    return new Promise((resolve) => {
      const { client } = this;
      let id: number | undefined;
      const lost = () => {
        // Who said it hears that it was not said: mqtt.js must not say it behind their back at the next connection.
        if (id !== undefined) client.removeOutgoingMessage(id);
        resolve(false);
      };
      client.once('close', lost);
      client.publish(topic, Buffer.from(payload), { qos, retain }, (error) => {
        client.off('close', lost);
        resolve(!error);
      });
      if (qos > 0) id = client.getLastMessageId();
    });
  }

  private connected(): void {
    this.connection++;
    // Requests and one's own words are nothing that a broker need keep for a hub that is away.
    const qosOf = (filter: string): 0 | 1 => (filter.startsWith('s/1/+/') ? 1 : 0);
    const filters = MESH_RULES.hub.hears.map((filter) => [filter, { qos: qosOf(filter) }]);
    this.client.subscribe(Object.fromEntries(filters), (error, granted) => {
      const refused = granted?.filter(({ qos }) => qos > 2).map(({ topic }) => topic) ?? [];
      if (error) this.complain(error);
      else if (refused.length > 0)
        this.complain(new Error(`the broker refuses to let the hub read ${refused.join(', ')}`));
      else this.options.log.info('connected to the broker', { broker: this.options.url });
    });
    for (const [topic, payload] of this.retained) void this.publish(topic, payload, { retain: true });
  }

  /**
   * mqtt.js would hold back every later message until this one is acknowledged. Told that this one failed, it goes on
   * without an acknowledgement, which is then sent here, when the message is stored.
   */
  private take(packet: IPublishPacket, next: (error?: Error) => void): void {
    const { connection } = this;
    this.pending++;
    const go = () => (packet.qos === 0 ? next() : next(new Error('not yet stored')));
    if (this.pending < PENDING_MAX) go();
    else this.waiting.push(go);
    const handling = this.handle(packet);
    this.handling.add(handling);
    handling.finally(() => this.handling.delete(handling)).catch(() => {});
    handling.then(
      () => {
        this.settled();
        if (packet.qos !== 0 && connection === this.connection) this.acknowledge(packet.messageId);
      },
      () => {
        this.settled();
        // Its own session gets it again at the next connection.
        setTimeout(() => {
          if (connection === this.connection) this.client.stream.destroy();
        }, UNSTORED_MS).unref();
      },
    );
  }

  private settled(): void {
    this.pending--;
    this.waiting.shift()?.();
  }

  private acknowledge(messageId: number | undefined): void {
    if (messageId !== undefined && this.client.connected) this.client.stream.write(puback(messageId));
  }

  private async handle({ topic, payload: body }: IPublishPacket): Promise<void> {
    const payload = typeof body === 'string' ? Buffer.from(body) : body;
    if (payload.length > LIMITS.payload) {
      this.options.counters.oversize++;
      return;
    }
    const bytes = new Uint8Array(payload);
    const said = parseAgentTopic(topic);
    if (said !== null) {
      await this.options.onMessage({ ...said, payload: bytes });
      return;
    }
    const asked = parseRequestTopic(topic);
    if (asked !== null) this.options.onRequest({ ...asked, payload: bytes });
    else {
      this.options.onHub(topic, bytes);
      this.defend(topic, bytes);
    }
  }

  /** What is retained in the hub's name is this hub's word: another's, or a will that came late, is said over. */
  private defend(topic: string, payload: Uint8Array): void {
    const ours = this.retained.get(topic);
    if (ours === undefined || Buffer.compare(ours, payload) === 0 || this.defending.has(topic)) return;
    this.defending.add(topic);
    setTimeout(() => {
      this.defending.delete(topic);
      const now = this.retained.get(topic);
      if (now !== undefined && !this.client.disconnecting) void this.publish(topic, now, { retain: true });
    }, DEFEND_MS).unref();
  }

  private complain(error: Error): void {
    if (Date.now() - this.complained < COMPLAIN_EVERY_MS) return;
    this.complained = Date.now();
    this.options.log.error('trouble with the broker', { broker: this.options.url, why: error.message });
  }
}

/** MQTT 3.1.1 section 3.4: four bytes, written between two packets of mqtt.js, which writes each in one go. */
function puback(messageId: number): Buffer {
  const packet = Buffer.from([0x40, 2, 0, 0]);
  packet.writeUInt16BE(messageId, 2);
  return packet;
}
