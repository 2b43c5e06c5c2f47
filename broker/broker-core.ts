import { Aedes, type AedesOptions, type Client, type PublishPacket } from 'aedes';
import { parseRequestTopic } from './requests.ts';
import { Retained, type RetainedStore } from './retained.ts';
import { parseAgentTopic } from './topics.ts';

type Done = (error?: Error) => void;
/** Aedes' own signature, which its types leave half out: what a client said, or what the broker itself says. */
type Publish = (packet: PublishPacket, client: Client | Done | null, done?: Done) => void;

/** What a client of Aedes keeps of its keep-alive, which its types leave out. */
interface KeepAlive {
  readonly _keepaliveInterval: number;
  readonly _keepaliveTimer: NodeJS.Timeout | null;
}

/**
 * Aedes, with agents' messages and its own bookkeeping taken out before they are routed: what an agent says is for the
 * hub alone, which has had it by then (`authorizePublish`), unless there are tools that may listen.
 */
export class BrokerCore extends Aedes {
  /** Aedes' own table, which its types leave out. */
  declare readonly clients: Readonly<Record<string, Client | undefined>>;
  /** Aedes' own store of sessions, which is there once it listens. */
  declare readonly persistence: RetainedStore;
  private readonly own: string;
  /** Whether there are tools, which may read what agents say. */
  hasListeners = (): boolean => false;

  constructor(options: AedesOptions) {
    super(options);
    this.own = `$SYS/${this.id}/`;
  }

  override async listen(): Promise<void> {
    await super.listen();
    new Retained().replaceIn(this.persistence);
  }

  /** Who is connected under this name. */
  clientOf(id: string): Client | undefined {
    return this.clients[id];
  }

  /** Something was heard of this client past the broker: its keep-alive begins anew (MQTT-3.1.2-24). */
  heardOf(client: Client): void {
    const { _keepaliveInterval, _keepaliveTimer } = client as Client & KeepAlive;
    if (_keepaliveInterval > 0) _keepaliveTimer?.refresh();
  }

  override publish(packet: PublishPacket, client: Client | Done | null, done?: Done): void {
    const then = typeof client === 'function' ? client : done;
    if (packet.topic.startsWith(this.own) || this.isForHubAlone(packet.topic)) {
      then?.();
      return;
    }
    (super.publish as Publish).call(this, packet, client, done);
  }

  private isForHubAlone(topic: string): boolean {
    const said = parseAgentTopic(topic);
    if (said === null) return parseRequestTopic(topic) !== null;
    return said.channel === 'r' || !this.hasListeners();
  }
}
