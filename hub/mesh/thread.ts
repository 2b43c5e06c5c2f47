import { Worker } from 'node:worker_threads';
import type { Enrolled } from '../../broker/enroll.ts';
import { within } from '../../broker/lifetime.ts';
import { BrokerError } from '../../broker/listen-near.ts';
import type { Log } from '../../broker/log.ts';
import type { Inbound, Mesh, PublishOptions } from '../../broker/mesh.ts';
import type { Request } from '../../broker/requests.ts';
import type { TlsMaterial } from '../../broker/tls-listener.ts';
import type { MeshHealth } from '../../broker/traffic.ts';
import type { Tools } from '../tools/tools.ts';
import type { CommitHealth } from './commits.ts';
import type { Dropped } from './dropped.ts';
import type { StoredThrough } from './ingest.ts';
import { type Failure, type FromMesh, failureOf, type MeshStart, type ToMesh } from './protocol.ts';

/** A thread that ends is started again after this, and after twice as long each time up to the most. */
const RESTART_MS = 200;
const RESTART_MOST_MS = 10_000;
/** A broker that ran for so long was well: the next restart is quick again. */
const WELL_AFTER_MS = 60_000;
/** Telemetry and queues of 10,000 agents take a tenth; what grows past it ends the thread, not the hub. */
const HEAP_MIB = 1_024;
/** At the end what is being stored has so long. */
const GOODBYE_MS = 5_000;
/** A loop that was so late, or a commit that took so long, is worth a line. */
const LATE_MS = 1_000;

export interface MeshThreadOptions {
  readonly host: string;
  readonly port: number;
  /** Read at each start of the thread; what changes while it runs is told with `admit`. */
  readonly agents: ReadonlyMap<string, Enrolled>;
  /** The listener for other hosts. */
  readonly tls?: NonNullable<MeshStart['tls']>;
  /** The store's folder; this thread has it open for writing. */
  readonly store: string;
  /** Stores what is no telemetry; a rejection means that it is not stored, and must not be acknowledged. */
  readonly onMessage: (message: Inbound) => Promise<void>;
  /** Telemetry of these agents was stored. */
  readonly onSampled: (stored: readonly StoredThrough[]) => void;
  /** Telemetry of this agent can't be read on: it has to be sent from there on again. */
  readonly onBroken: (stored: StoredThrough) => void;
  /** Telemetry was dropped. */
  readonly onDropped: (dropped: Dropped) => void;
  /** Who may listen and ask. */
  readonly tools: Pick<Tools, 'all' | 'onChange'>;
  readonly onRequest: (request: Request) => void;
  /** How broker and ingest do, now and then. */
  readonly onHealth?: (health: MeshHealth & CommitHealth) => void;
  readonly log: Log;
}

export class MeshThreadError extends Error {
  readonly code = 'E_MESH_RESTART';
}

/** The mesh whose broker is the hub's own. */
export interface LocalMesh extends Mesh {
  /** Port of the listener for other hosts; null when there is none. */
  readonly tlsPort: number | null;
  /** An agent may connect with other certificates from now on, or (null) not at all; who may not any more is cut off. */
  admit(agent: string, enrolled: Enrolled | null): void;
  /** The hub's own new certificate, for connections that come from now on. */
  renewTls(tls: TlsMaterial): void;
}

/**
 * The hub's side of the thread in which the broker and the ingest of telemetry run. A thread that ends is started
 * again on the same port, with what was retained; agents connect anew and bring what was not acknowledged.
 */
export async function openMeshThread(options: MeshThreadOptions): Promise<LocalMesh> {
  const thread = new MeshThread(options);
  await thread.start();
  return thread;
}

class MeshThread implements LocalMesh {
  readonly host: string;
  private readonly options: MeshThreadOptions;
  private worker: Worker | null = null;
  private actualPort = 0;
  private tls: MeshStart['tls'];
  private asked = 0;
  private readonly unpublished = new Map<
    number,
    { retain: boolean; resolve: () => void; reject: (error: Error) => void }
  >();
  private readonly retained = new Map<string, Uint8Array>();
  private isClosing = false;
  private pause = RESTART_MS;
  private dropped = 0;

  constructor(options: MeshThreadOptions) {
    this.options = options;
    this.host = options.host;
    this.tls = options.tls ?? null;
    options.tools.onChange(() => {
      if (this.worker !== null) this.say(this.worker, { kind: 'tools', tools: options.tools.all() });
    });
  }

  get port(): number {
    return this.actualPort;
  }

  get tlsPort(): number | null {
    return this.tls?.port ?? null;
  }

  admit(agent: string, enrolled: Enrolled | null): void {
    if (this.worker !== null) this.say(this.worker, { kind: 'agent', agent, enrolled });
  }

  renewTls(tls: TlsMaterial): void {
    if (this.tls === null) return;
    this.tls = { ...this.tls, ...tls };
    if (this.worker !== null) this.say(this.worker, { kind: 'tls', tls });
  }

  /** Resolves when the broker listens; rejects with E_BROKER_PORT or E_STORE_OPEN when it can't. */
  start(): Promise<void> {
    const { host, agents, store, tools } = this.options;
    const { tls } = this;
    const exact = this.actualPort !== 0;
    const port = exact ? this.actualPort : this.options.port;
    const workerData: MeshStart = { host, agents, store, exact, port, tls, tools: tools.all() };
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./worker.js', import.meta.url), {
        workerData,
        resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
      });
      const started = Date.now();
      let why = 'it ended';
      this.worker = worker;
      worker.on('message', (message: FromMesh) => {
        if (message.kind === 'listening') {
          this.actualPort = message.port;
          if (this.tls !== null && message.tlsPort !== null) this.tls = { ...this.tls, port: message.tlsPort };
          resolve();
        } else if (message.kind === 'failed') {
          const { code, message: text } = message.failure;
          reject(
            code === 'E_BROKER_PORT' || code === 'E_BROKER_PLAIN'
              ? new BrokerError(text, code)
              : Object.assign(new Error(text), { code }),
          );
          void worker.terminate();
        } else this.hear(message);
      });
      worker.on('error', (error: Error) => {
        why = error.message;
      });
      worker.on('exit', () => {
        reject(new MeshThreadError(why));
        if (this.worker === worker) this.ended(why, Date.now() - started);
      });
    });
  }

  publish(topic: string, payload: Uint8Array, { retain = false, qos = 1 }: PublishOptions = {}): Promise<void> {
    if (retain && payload.length > 0) this.retained.set(topic, payload);
    else if (retain) this.retained.delete(topic);
    const { worker } = this;
    // What is retained is said when the broker is back.
    if (worker === null && retain) return Promise.resolve();
    if (worker === null) return Promise.reject(new MeshThreadError('the broker is being started again'));
    return new Promise((resolve, reject) => {
      const id = ++this.asked;
      this.unpublished.set(id, { retain, resolve, reject });
      this.say(worker, { kind: 'publish', id, topic, payload, retain, qos });
    });
  }

  async close(): Promise<void> {
    this.isClosing = true;
    const { worker } = this;
    if (worker === null) return;
    const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    this.say(worker, { kind: 'close' });
    await within(GOODBYE_MS, gone);
    await worker.terminate();
  }

  private say(worker: Worker, message: ToMesh): void {
    worker.postMessage(message);
  }

  private hear(message: FromMesh): void {
    const { onMessage, onSampled, onBroken, onDropped, onRequest, log } = this.options;
    switch (message.kind) {
      case 'inbound': {
        const { id, agent, channel, payload } = message;
        const { worker } = this;
        const settle = (failure: Failure | null) => {
          // A thread that was started anew knows nothing of it: the agent will bring it again.
          if (worker !== null && this.worker === worker) this.say(worker, { kind: 'settled', id, failure });
        };
        onMessage({ agent, channel, payload }).then(
          () => settle(null),
          (error: unknown) => settle(failureOf(error)),
        );
        return;
      }
      case 'published': {
        const waiting = this.unpublished.get(message.id);
        this.unpublished.delete(message.id);
        if (message.failure === null) waiting?.resolve();
        else waiting?.reject(Object.assign(new Error(message.failure.message), { code: message.failure.code }));
        return;
      }
      case 'request':
        onRequest(message);
        return;
      case 'sampled':
        onSampled(message.stored);
        return;
      case 'broken':
        onBroken(message.stored);
        return;
      case 'dropped':
        onDropped(message);
        return;
      case 'gap':
        log.warn('samples are missing', { agent: message.agent, from: message.from, to: message.to });
        return;
      case 'health': {
        this.options.onHealth?.(message.health);
        const { loopLagMaxMs, commitMsMax, slowReaders, droppedForwards, refusedBusy } = message.health;
        const dropped = slowReaders + droppedForwards + refusedBusy;
        if (loopLagMaxMs >= LATE_MS || commitMsMax >= LATE_MS || dropped > this.dropped) {
          log.warn('the mesh is under pressure', message.health as unknown as Readonly<Record<string, number>>);
        }
        this.dropped = dropped;
        return;
      }
      default:
    }
  }

  private ended(why: string, ranMs: number): void {
    this.worker = null;
    for (const { retain, resolve, reject } of this.unpublished.values()) {
      if (retain) resolve();
      else reject(new MeshThreadError(why));
    }
    this.unpublished.clear();
    this.dropped = 0;
    // A start that failed is its caller's; what ends later is started again.
    if (this.isClosing || this.actualPort === 0) return;
    if (ranMs >= WELL_AFTER_MS) this.pause = RESTART_MS;
    const { log } = this.options;
    log.error('the broker ended: starting it again', { code: 'E_MESH_RESTART', why, in_ms: this.pause });
    setTimeout(() => void this.restart(), this.pause);
    this.pause = Math.min(RESTART_MOST_MS, this.pause * 2);
  }

  private async restart(): Promise<void> {
    if (this.isClosing) return;
    try {
      await this.start();
      await Promise.all([...this.retained].map(([topic, payload]) => this.publish(topic, payload, { retain: true })));
      this.options.log.info('the broker is back', { port: this.actualPort });
    } catch {
      // Its end was seen as well, and is being dealt with.
    }
  }
}
