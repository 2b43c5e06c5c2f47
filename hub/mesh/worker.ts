import { parentPort, workerData } from 'node:worker_threads';
import { type Embedded, openEmbedded } from '../../broker/embedded.ts';
import { type Inbound, noCounters } from '../../broker/mesh.ts';
import type { Request } from '../../broker/requests.ts';
import { publishHealth } from '../../broker/sys-topics.ts';
import { outliveFailedCommits } from '../store/failed-commits.ts';
import { Store, StoreError } from '../store/store.ts';
import { Commits } from './commits.ts';
import { DroppedCount } from './dropped.ts';
import { Ingest } from './ingest.ts';
import { type FromMesh, failureOf, type MeshStart, type ToMesh } from './protocol.ts';
import { Telemetry } from './telemetry.ts';

/** How often the broker says how it does. */
const HEALTH_EVERY_MS = 10_000;
/** A port that the ended broker still holds is tried again for so long. */
const PORT_TRIES = 100;
const PORT_TRY_MS = 100;

/**
 * The thread in which the broker runs, with the storing of telemetry right beside it: neither a model that thinks nor a
 * screen that draws delays an acknowledgement, and a reader that is frozen costs the hub nothing.
 */
const { host, port, exact, tls, agents: enrolled, store: folder, tools: firstTools } = workerData as MeshStart;
/** This thread's own copy: the main thread says what changes in its. */
const agents = new Map(enrolled);
const tools = new Map(firstTools.map((tool) => [tool.name, tool]));
const say = (message: FromMesh, transfer: ArrayBuffer[] = []): void => parentPort?.postMessage(message, transfer);

/** Messages that the main thread is storing. */
const unsettled = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
let asked = 0;

outliveFailedCommits();
const store = new Store(folder, 'beside');
const commits = new Commits(store);
const dropped = new DroppedCount((one) => say({ kind: 'dropped', ...one }));
const telemetry = new Telemetry({ store, agents, now: Date.now, commits });
const ingest = new Ingest(telemetry, handOver, {
  sampled: (stored) => say({ kind: 'sampled', stored }),
  broken: (stored) => say({ kind: 'broken', stored }),
  gap: (agent, { from, to }) => say({ kind: 'gap', agent, from, to }),
  dropped: (message, error) => dropped.add(message, error),
});

function handOver({ agent, channel, payload }: Inbound): Promise<void> {
  const id = ++asked;
  return new Promise((resolve, reject) => {
    unsettled.set(id, { resolve, reject });
    // The payload is a copy of its own, made by the broker: it goes over whole.
    say({ kind: 'inbound', id, agent, channel, payload }, [payload.buffer as ArrayBuffer]);
  });
}

async function listen(): Promise<Embedded> {
  const options = {
    host,
    agents,
    tools,
    counters: noCounters(),
    onMessage: (message: Inbound) => ingest.receive(message),
    onTelemetry: (agent: string, payload: Uint8Array, done: (error: Error | null) => void) =>
      ingest.take(agent, payload, done),
    onRequest: (request: Request) => say({ kind: 'request', ...request }, [request.payload.buffer as ArrayBuffer]),
    ...(tls === null ? {} : { tls }),
  };
  if (!exact) return openEmbedded({ ...options, port });
  for (let tries = 1; ; tries++) {
    try {
      return await openEmbedded({ ...options, port, ports: 1 });
    } catch (error) {
      if (tries >= PORT_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PORT_TRY_MS));
    }
  }
}

async function run(): Promise<void> {
  const broker = await listen();
  const timer = setInterval(() => {
    const health = { ...broker.health(), ...commits.health() };
    say({ kind: 'health', health });
    void publishHealth(broker, health);
  }, HEALTH_EVERY_MS);
  parentPort?.on('message', (message: ToMesh) => {
    switch (message.kind) {
      case 'publish': {
        const { id, topic, payload, retain, qos } = message;
        broker.publish(topic, payload, { retain, qos }).then(
          () => say({ kind: 'published', id, failure: null }),
          (error: unknown) => say({ kind: 'published', id, failure: failureOf(error) }),
        );
        return;
      }
      case 'settled': {
        const waiting = unsettled.get(message.id);
        unsettled.delete(message.id);
        if (message.failure === null) waiting?.resolve();
        else waiting?.reject(new StoreError('E_STORE_WRITE', message.failure.message));
        return;
      }
      case 'agent':
        if (message.enrolled === null) agents.delete(message.agent);
        else agents.set(message.agent, message.enrolled);
        broker.recheck(message.agent);
        return;
      case 'tls':
        broker.renewTls(message.tls);
        return;
      case 'tools':
        tools.clear();
        for (const tool of message.tools) tools.set(tool.name, tool);
        broker.checkTools();
        return;
      case 'close':
        clearInterval(timer);
        void close(broker);
    }
  });
  say({ kind: 'listening', port: broker.port, tlsPort: broker.tlsPort });
}

async function close(broker: Embedded): Promise<void> {
  await broker.close();
  ingest.stop();
  dropped.flush();
  await commits.settled();
  await store.close();
  say({ kind: 'closed' });
  parentPort?.close();
}

run().catch((error: unknown) => say({ kind: 'failed', failure: failureOf(error) }));
