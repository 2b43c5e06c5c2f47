import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Aedes, type AedesPublishPacket } from 'aedes';
import { connect } from 'mqtt';
import { until } from './site.ts';

/** Somebody else's broker: plain Aedes, which can be ended and begun anew with nothing in its memory. */
export class Outsider {
  port = 0;
  acked = 0;
  readonly said: AedesPublishPacket[] = [];
  private aedes: Aedes | null = null;
  private server: Server | null = null;
  private readonly sockets = new Set<Socket>();

  async start(): Promise<void> {
    const aedes = await Aedes.createBroker();
    aedes.on('ack', (_packet, client) => {
      if (client?.id === 'hub') this.acked++;
    });
    aedes.on('publish', (packet, client) => {
      if (client?.id === 'hub') this.said.push(packet);
    });
    this.aedes = aedes;
    this.server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
      aedes.handle(socket);
    });
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    const address = this.server.address();
    if (typeof address === 'object' && address !== null) this.port = address.port;
  }

  async stop(): Promise<void> {
    this.server?.close();
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => (this.aedes ? this.aedes.close(() => resolve()) : resolve()));
  }

  /** Resolves when this is what the broker gives to who subscribes. */
  async retains(topic: string, expected: string): Promise<void> {
    const reader = connect(`mqtt://127.0.0.1:${this.port}`, { reconnectPeriod: 0 });
    let last = '';
    reader.on('message', (_topic, payload) => {
      last = payload.toString();
    });
    await reader.subscribeAsync(topic, { qos: 1 });
    await until(`${topic} is ${expected}`, () => last === expected);
    await reader.endAsync();
  }

  async say(topic: string, ...payloads: (string | Buffer)[]): Promise<void> {
    const speaker = connect(`mqtt://127.0.0.1:${this.port}`, { clientId: 'speaker', reconnectPeriod: 0 });
    for (const payload of payloads) await speaker.publishAsync(topic, payload, { qos: 1 });
    await speaker.endAsync();
  }
}
