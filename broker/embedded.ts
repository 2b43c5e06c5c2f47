import { createServer, type Server, type Socket } from 'node:net';
import { Aedes, type AuthenticateError, type Client } from 'aedes';
import { mayPublish, maySubscribe } from './acl.ts';
import { type Enrolled, sameSecret } from './enroll.ts';
import type { Inbound, Mesh, MeshCounters } from './mesh.ts';
import { LIMITS } from './messages.ts';
import { parseAgentTopic } from './topics.ts';

/** With the wanted port taken, so many above it are tried before the start fails. */
const PORTS_TRIED = 32;

/** A connection must have said CONNECT within this, or it only holds a socket. */
const CONNECT_TIMEOUT_MS = 10_000;
/** A subscriber that reads nothing for so long is dropped (Aedes' own default is a minute). */
const DRAIN_TIMEOUT_MS = 10_000;

export interface EmbeddedOptions {
  readonly host: string;
  readonly port: number;
  readonly agents: ReadonlyMap<string, Enrolled>;
  /** The message is acknowledged (PUBACK) only when this resolves: durable before acknowledged (invariant 9). */
  readonly onMessage: (message: Inbound) => Promise<void>;
  readonly counters: MeshCounters;
}

export class BrokerError extends Error {
  readonly code = 'E_BROKER_PORT';
}

/** Starts Aedes inside this process and listens; an occupied port makes it take the next one. */
export async function openEmbedded(options: EmbeddedOptions): Promise<Mesh> {
  const { agents, counters } = options;
  const aedes = await Aedes.createBroker({
    // With a limit, one frozen reader stalls every other topic (Aedes 1.2 stops at that many messages in flight).
    concurrency: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    drainTimeout: DRAIN_TIMEOUT_MS,
    maxTopicLevels: 8,

    authenticate(client, username, password, done) {
      const enrolled = username === undefined ? undefined : agents.get(username);
      const secret = password?.toString('utf8') ?? '';
      if (enrolled !== undefined && client.id === username && sameSecret(secret, enrolled.secretHash)) {
        done(null, true);
        return;
      }
      counters.refusedConnect++;
      done(Object.assign(new Error('not an enrolled agent'), { returnCode: 5 }) as AuthenticateError, false);
    },

    authorizeSubscribe(client, subscription, done) {
      if (maySubscribe(client.id, subscription.topic)) {
        done(null, subscription);
        return;
      }
      counters.refusedSubscribe++;
      // null makes the SUBACK carry 0x80, failure, and leaves the client connected (MQTT-3.9.3).
      done(null, null);
    },

    authorizePublish(client, packet, done) {
      const parsed = parseAgentTopic(packet.topic);
      if (client === null || parsed === null || !mayPublish(client.id, packet.topic, packet.retain)) {
        counters.refusedPublish++;
        done(new Error('may not publish there'));
        return;
      }
      const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
      if (payload.length > LIMITS.payload) {
        // Dropped but acknowledged: refused, it would come back for ever. Nobody subscribes to agents' topics here.
        counters.oversize++;
        packet.payload = Buffer.alloc(0);
        packet.retain = false;
        done(null);
        return;
      }
      options.onMessage({ ...parsed, payload: new Uint8Array(payload) }).then(
        () => done(null),
        (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
      );
    },
  });
  // Without listeners a protocol error of one client would end the process.
  aedes.on('clientError', (client: Client) => client.close());
  aedes.on('connectionError', (client: Client) => client.close());

  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    aedes.handle(socket);
  });
  const port = await listenNear(server, options.host, options.port).catch(async (error: unknown) => {
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
    throw error;
  });
  server.on('error', () => {
    // One connection that could not be accepted (no descriptor left) must not end the hub.
  });

  return {
    host: options.host,
    port,
    publish: (topic, payload, { retain = false } = {}) =>
      new Promise((resolve, reject) => {
        aedes.publish(
          { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, retain, dup: false },
          (error?: Error | null) => (error ? reject(error) : resolve()),
        );
      }),
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
    },
  };
}

/** Listens on the wanted port or one of the next; port 0 takes any free one. */
async function listenNear(server: Server, host: string, wanted: number): Promise<number> {
  for (let port = wanted; port < wanted + PORTS_TRIED; port++) {
    const taken = await new Promise<boolean>((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(true);
        else reject(error);
      };
      server.once('error', failed);
      server.listen(port, host, () => {
        server.off('error', failed);
        resolve(false);
      });
    });
    if (taken) continue;
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }
  throw new BrokerError(
    `no free port from ${wanted} to ${wanted + PORTS_TRIED - 1} on ${host}. Choose one with --port N.`,
  );
}
