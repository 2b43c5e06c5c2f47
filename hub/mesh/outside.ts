import type { Credentials } from '../../broker/credentials.ts';
import type { Enrolled } from '../../broker/enroll.ts';
import type { Log } from '../../broker/log.ts';
import { type Inbound, noCounters } from '../../broker/mesh.ts';
import { type OutsideMesh, openOutside } from '../../broker/outside.ts';
import type { Request } from '../../broker/requests.ts';
import type { Store } from '../store/store.ts';
import { Commits } from './commits.ts';
import { type Dropped, DroppedCount } from './dropped.ts';
import { Ingest, type StoredThrough } from './ingest.ts';
import { Telemetry } from './telemetry.ts';

export interface OutsideMeshOptions {
  readonly url: string;
  readonly credentials: Credentials;
  readonly will: Uint8Array;
  readonly agents: ReadonlyMap<string, Enrolled>;
  readonly store: Store;
  /** Stores what is no telemetry; a rejection means that it is not stored, and must not be acknowledged. */
  readonly onMessage: (message: Inbound) => Promise<void>;
  /** Telemetry of these agents was stored. */
  readonly onSampled: (stored: readonly StoredThrough[]) => void;
  readonly onBroken: (stored: StoredThrough) => void;
  readonly onDropped: (dropped: Dropped) => void;
  readonly onRequest: (request: Request) => void;
  readonly onHub: (topic: string, payload: Uint8Array) => void;
  readonly log: Log;
}

/**
 * The mesh over somebody else's broker. That broker holds the sockets and feels the slow readers, so the storing of
 * telemetry stands in the hub's own thread: the same code that stands beside the embedded broker.
 */
export function openOutsideMesh(options: OutsideMeshOptions): OutsideMesh {
  const { store, agents, onMessage, onSampled, onBroken, onDropped, log } = options;
  const commits = new Commits(store);
  const dropped = new DroppedCount(onDropped);
  const ingest = new Ingest(new Telemetry({ store, agents, now: Date.now, commits }), onMessage, {
    sampled: onSampled,
    broken: onBroken,
    gap: (agent, { from, to }) => log.warn('samples are missing', { agent, from, to }),
    dropped: (message, error) => dropped.add(message, error),
  });
  const mesh = openOutside({
    url: options.url,
    credentials: options.credentials,
    will: options.will,
    onMessage: (message) => ingest.receive(message),
    onRequest: options.onRequest,
    onHub: options.onHub,
    counters: noCounters(),
    log,
  });
  return {
    host: mesh.host,
    port: mesh.port,
    isConnected: () => mesh.isConnected(),
    publish: (topic, payload, publish) => mesh.publish(topic, payload, publish),
    close: async () => {
      await mesh.close();
      dropped.flush();
      await commits.settled();
      // The store is closed next: what it was asked by a timer now, it could not answer.
      ingest.stop();
    },
  };
}
