import { connect, createServer, type Server, type Socket } from 'node:net';

const PUBLISH = 3;
/** A message that comes late comes so much later at most. */
const LATE_MS = 1_500;

/** Between an agent and its hub: says some of the agent's messages twice, and some again later. */
export class RepeatingProxy {
  /** Messages that were said again. */
  repeated = 0;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly random: () => number;
  /** Where the hub listens now. */
  target: number;

  constructor(target: number, random: () => number) {
    this.target = target;
    this.random = random;
    this.server = createServer((agent) => this.join(agent));
  }

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.server.listen(0, '127.0.0.1', () => {
        const address = this.server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private join(agent: Socket): void {
    const hub = connect(this.target, '127.0.0.1');
    for (const socket of [agent, hub]) {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.sockets.delete(socket);
        agent.destroy();
        hub.destroy();
      });
    }
    hub.pipe(agent);
    let rest = Buffer.alloc(0);
    agent.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (let size = packetSize(rest); size !== null; size = packetSize(rest)) {
        const packet = rest.subarray(0, size);
        rest = rest.subarray(size);
        hub.write(packet);
        if ((packet[0] ?? 0) >> 4 !== PUBLISH) continue;
        const luck = this.random();
        if (luck > 0.2) continue;
        this.repeated++;
        if (luck > 0.1) hub.write(packet);
        else setTimeout(() => hub.writable && hub.write(packet), this.random() * LATE_MS);
      }
    });
  }
}

/** Bytes of the first MQTT packet (3.1.1, section 2.2.3); null while it is not whole. */
function packetSize(bytes: Buffer): number | null {
  let length = 0;
  for (let i = 1; i <= 4; i++) {
    const byte = bytes[i];
    if (byte === undefined) return null;
    length += (byte & 0x7f) * 128 ** (i - 1);
    if (byte < 0x80) return bytes.length >= 1 + i + length ? 1 + i + length : null;
  }
  throw new Error('not MQTT');
}
