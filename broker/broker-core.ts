import { Aedes, type AedesOptions, type Client, type PublishPacket } from 'aedes';
import { parseAgentTopic } from './topics.ts';

type Done = (error?: Error) => void;
/** Aedes' own signature, which its types leave half out: what a client said, or what the broker itself says. */
type Publish = (packet: PublishPacket, client: Client | Done | null, done?: Done) => void;

/**
 * Aedes, with agents' messages and its own bookkeeping taken out before they are routed: what an agent says is for the
 * hub alone, which has had it by then (`authorizePublish`), and nobody may subscribe to it.
 */
export class BrokerCore extends Aedes {
  /** Aedes' own table, which its types leave out. */
  declare readonly clients: Readonly<Record<string, Client | undefined>>;
  private readonly own: string;

  constructor(options: AedesOptions) {
    super(options);
    this.own = `$SYS/${this.id}/`;
  }

  /** Who is connected under this name. */
  clientOf(id: string): Client | undefined {
    return this.clients[id];
  }

  override publish(packet: PublishPacket, client: Client | Done | null, done?: Done): void {
    const then = typeof client === 'function' ? client : done;
    if (packet.topic.startsWith(this.own) || parseAgentTopic(packet.topic) !== null) {
      then?.();
      return;
    }
    (super.publish as Publish).call(this, packet, client, done);
  }
}
