import type { EventEmitter } from 'node:events';
import { createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import type { AuthenticateError, Client } from 'aedes';
import { mayPublish, maySubscribe } from './acl.ts';
import { Admission } from './admission.ts';
import { BrokerCore } from './broker-core.ts';
import { BROKER } from './broker-limits.ts';
import type { Enrolled } from './enroll.ts';
import { Guard } from './guard.ts';
import { BrokerError, listenNear } from './listen-near.ts';
import { isGoodCertificate, isGoodLogin } from './login.ts';
import { LoopTurns } from './loop-turns.ts';
import type { Inbound, Mesh, MeshCounters } from './mesh.ts';
import { LIMITS } from './messages.ts';
import { Outgoing } from './outgoing.ts';
import type { Request } from './requests.ts';
import { Routes } from './routes.ts';
import type { TelemetryPath } from './shortcut.ts';
import { type OnTelemetry, telemetryPath } from './telemetry-path.ts';
import { type Certificate, KEEP_ALIVE, type TlsMaterial, tlsListener } from './tls-listener.ts';
import { ToolDoor } from './tool-door.ts';
import type { Tool } from './tools.ts';
import { parseAgentTopic } from './topics.ts';
import { type MeshHealth, Traffic } from './traffic.ts';

export interface EmbeddedOptions {
  readonly host: string;
  readonly port: number;
  /** Ports that are tried from there on; 1 takes that one or fails. */
  readonly ports?: number;
  /** Looked up at every CONNECT: the caller may change it while the broker runs. */
  readonly agents: ReadonlyMap<string, Enrolled>;
  /** Who may listen and ask; looked up like the agents. */
  readonly tools?: ReadonlyMap<string, Tool>;
  /** A tool asks something. */
  readonly onRequest?: (request: Request) => void;
  /** The message is acknowledged (PUBACK) only when this resolves: durable before acknowledged (invariant 9). */
  readonly onMessage: (message: Inbound) => Promise<void>;
  /** Where it is given, telemetry that nobody else reads comes here, and not to `onMessage`. */
  readonly onTelemetry?: OnTelemetry;
  readonly counters: MeshCounters;
  /** A second listener for other hosts, by certificate. Absent: there is none. */
  readonly tls?: TlsMaterial & { readonly host?: string; readonly port: number };
}

/** The broker itself, for the thread in which it runs. */
export interface Embedded extends Mesh {
  /** What went through since the last call, how late the event loop was, and who is there. */
  health(): MeshHealth;
  /** Port of the TLS listener; null when there is none. */
  readonly tlsPort: number | null;
  /** Cuts off a client whose login is not good any more, by the table of agents as it is now. */
  recheck(agent: string): void;
  /** The server's own new certificate, for connections that come from now on. */
  renewTls(tls: TlsMaterial): void;
  /** The tools have changed: who may not listen any more is cut off. */
  checkTools(): void;
}

/** Without TLS a secret travels as it is: that is for this machine alone. */
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

/**
 * Starts Aedes inside this thread and listens; an occupied port makes it take the next one. Every connection goes
 * through a Guard, and is read no faster than its messages become durable.
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const { agents, counters, tools = new Map() } = options;
  if (!LOOPBACK.test(options.host)) {
    throw new BrokerError(
      `${options.host} is not this machine’s loopback: other hosts connect with TLS (\`sentinel init\`, then \`sentinel enroll\`).`,
      'E_BROKER_PLAIN',
    );
  }
  const door = new ToolDoor(tools);
  const traffic = new Traffic(counters);
  const guards = new WeakMap<Duplex, Guard>();
  const certificates = new WeakMap<Duplex, Certificate>();
  const routes = new Routes();
  const turns = new LoopTurns();
  const aedes = new BrokerCore({
    mq: routes,
    connectTimeout: BROKER.connectMs,
    drainTimeout: BROKER.drainMs,
    maxTopicLevels: BROKER.topicLevels,
    maxInflightInbound: BROKER.halfDone,

    preConnect(_client, packet, done) {
      // A session that outlives its connection is a queue in memory without a bound; what must not be lost is on
      // the agents' disks. The CONNACK says that no session was kept (MQTT-3.2.2-1).
      packet.clean = true;
      done(null, true);
    },

    authenticate(client, username, password, done) {
      const login = { id: client.id, username, password, certificate: certificates.get(client.conn) ?? null };
      if (isGoodLogin(login, agents)) {
        done(null, true);
        return;
      }
      if (door.letIn(client, login)) {
        done(null, true);
        return;
      }
      counters.refusedConnect++;
      done(Object.assign(new Error('not an enrolled agent'), { returnCode: 5 }) as AuthenticateError, false);
    },

    authorizeSubscribe(client, subscription, done) {
      const { topic } = subscription;
      if (door.isTool(client) ? door.maySubscribe(client, topic) : maySubscribe(client.id, topic)) {
        done(null, subscription);
        return;
      }
      counters.refusedSubscribe++;
      // null makes the SUBACK carry 0x80, failure, and leaves the client connected (MQTT-3.9.3).
      done(null, null);
    },

    authorizePublish(client, packet, done) {
      if (client !== null && door.isTool(client)) {
        const request = door.requestOf(client, packet);
        if (request === null) counters.refusedPublish++;
        else options.onRequest?.(request);
        done(request === null ? new Error('may not ask that') : null);
        return;
      }
      const parsed = parseAgentTopic(packet.topic);
      if (client === null || parsed === null || !mayPublish(client.id, packet.topic, packet.retain)) {
        counters.refusedPublish++;
        done(new Error('may not publish there'));
        return;
      }
      const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
      traffic.received(payload.length);
      const guard = guards.get(client.conn);
      if (payload.length > LIMITS.payload || (payload.length === 0 && guard?.wasTooLong())) {
        // Dropped but acknowledged: refused, it would come back for ever.
        counters.oversize++;
        packet.retain = false;
        packet.payload = Buffer.alloc(0);
        done(null);
        return;
      }
      guard?.began();
      options.onMessage({ ...parsed, payload: new Uint8Array(payload) }).then(
        () => {
          guard?.ended();
          done(null);
        },
        (error: unknown) => {
          guard?.ended();
          done(error instanceof Error ? error : new Error(String(error)));
        },
      );
    },

    authorizeForward(client, packet) {
      const { conn } = client;
      // Dropped in this very turn: it is counted once.
      if (conn.destroyed) return null;
      if (conn.writableLength > BROKER.readerBytes) {
        counters.slowReaders++;
        conn.destroy();
        return null;
      }
      if (packet.qos === 0 && conn.writableNeedDrain) {
        counters.droppedForwards++;
        return null;
      }
      traffic.sent(packet.payload.length);
      return packet;
    },
  });
  aedes.hasListeners = () => tools.size > 0;
  await aedes.listen();
  // Without listeners a protocol error of one client would end the process.
  aedes.on('clientError', (client: Client) => client.close());
  aedes.on('connectionError', (client: Client) => client.close());
  (aedes as EventEmitter).on('error', () => {});

  const admission = new Admission();
  const sockets = new Set<Duplex>();
  const known = new WeakMap<Duplex, () => void>();
  const telemetryOf = (client: Client): TelemetryPath | undefined =>
    options.onTelemetry && telemetryPath(client, { routes, aedes, traffic, onTelemetry: options.onTelemetry });
  aedes.on('clientReady', (client: Client) => {
    known.get(client.conn)?.();
    guards.get(client.conn)?.letIn(door.isTool(client) ? undefined : telemetryOf(client));
  });
  /** Whether a connection of any kind (TCP, TLS) that comes from this address may stay. */
  const accept = (conn: Duplex, address: string): boolean => {
    const leave = sockets.size < BROKER.connections ? admission.enter(address) : null;
    conn.on('error', () => conn.destroy());
    if (leave === null) {
      counters.refusedBusy++;
      conn.destroy();
      return false;
    }
    sockets.add(conn);
    known.set(conn, leave);
    conn.once('close', () => {
      sockets.delete(conn);
      traffic.closed(conn);
      leave();
    });
    return true;
  };
  const begin = (conn: Duplex): void => {
    guards.set(conn, new Guard(conn, counters, turns));
    aedes.handle(conn);
  };
  // Node takes all connections that wait in one turn; what the broker makes for each costs as much again, and has time.
  const server = createServer({ pauseOnConnect: true, ...KEEP_ALIVE }, (socket) => {
    if (!accept(socket, socket.remoteAddress ?? '')) return;
    turns.queue(() => {
      if (socket.destroyed) return false;
      begin(socket);
      return true;
    });
  });
  const refusedTls = (why: 'busy' | 'tls') => {
    if (why === 'busy') counters.refusedBusy++;
    else counters.refusedConnect++;
  };
  const secure =
    options.tls === undefined
      ? null
      : tlsListener(options.tls, { admission, turns }, refusedTls, (socket, certificate) => {
          certificates.set(socket, certificate);
          if (accept(socket, socket.remoteAddress ?? '')) begin(socket);
        });
  const listen = async () => ({
    port: await listenNear(server, options),
    tlsPort:
      secure === null || options.tls === undefined
        ? null
        : await listenNear(secure.server, { ports: options.ports, ...options.tls }),
  });
  const { port, tlsPort } = await listen().catch(async (error: unknown) => {
    server.close();
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
    throw error;
  });
  secure?.server.on('error', () => {});
  server.on('error', () => {
    // One connection that could not be accepted (no descriptor left) must not end the hub.
  });
  const outgoing = new Outgoing(aedes);

  return {
    host: options.host,
    port,
    tlsPort,
    recheck: (agent) => {
      const client = aedes.clientOf(agent);
      const certificate = client && certificates.get(client.conn);
      if (client === undefined || isGoodCertificate(agent, certificate ?? null, agents)) return;
      client.close();
      client.conn.destroy();
    },
    renewTls: (tls) => {
      secure?.renew(tls);
    },
    publish: (topic, payload, { retain = false, qos = 1 } = {}) => outgoing.publish(topic, payload, retain, qos),
    checkTools: () => door.check(),
    health: () => traffic.health({ sockets, clients: aedes.connectedClients, waiting: outgoing.waiting }),
    close: async () => {
      traffic.stop();
      turns.stop();
      server.close();
      secure?.server.close();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
    },
  };
}
