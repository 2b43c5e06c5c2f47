import type { Credentials } from '../../broker/credentials.ts';
import type { Site } from '../../broker/enroll.ts';
import type { Log } from '../../broker/log.ts';
import type { Inbound, Mesh } from '../../broker/mesh.ts';
import type { Request } from '../../broker/requests.ts';
import type { MeshHealth } from '../../broker/traffic.ts';
import { hubState, watchEpoch } from '../site/takeover.ts';
import type { Store } from '../store/store.ts';
import type { RequestServer } from '../tools/request-server.ts';
import type { Tools } from '../tools/tools.ts';
import type { CommitHealth } from './commits.ts';
import type { Dropped } from './dropped.ts';
import type { StoredThrough } from './ingest.ts';
import type { Intake } from './intake.ts';
import { openOutsideMesh } from './outside.ts';
import type { MeshStart } from './protocol.ts';
import { type LocalMesh, openMeshThread } from './thread.ts';

/** The embedded broker speaks every ten seconds: three times missed, and something holds its thread. */
const SILENT_MS = 35_000;

/** Somebody else's broker, and how the hub shows it who it is. */
export interface OutsideBroker {
  readonly url: string;
  readonly credentials: Credentials;
}

export interface HubMeshOptions {
  readonly host: string;
  readonly port: number;
  /** Absent: the embedded broker. */
  readonly outside: OutsideBroker | undefined;
  /** The embedded broker's listener for other hosts. */
  readonly tls?: NonNullable<MeshStart['tls']>;
  readonly site: Site;
  readonly store: Store;
  /** The store's folder. */
  readonly folder: string;
  readonly tools: Tools;
  readonly epoch: () => number;
  /** Hears that another hub has taken over. */
  readonly superseded: (why: string) => void;
  readonly log: Log;
}

export interface HubMesh {
  readonly mesh: Mesh;
  /** The same where it is the hub's own broker. */
  readonly local: LocalMesh | null;
  /** What the embedded broker last said of itself; null before its first word, and with somebody else's broker. */
  health(): (MeshHealth & CommitHealth) | null;
  /** What is wrong with it, for people; null when nothing is. */
  trouble(): string | null;
  /** From now on messages and requests are taken. */
  attach(intake: Intake, requests: RequestServer): void;
}

/**
 * Opens the mesh, embedded or outside. The broker calls the intake, which needs the hub, which needs the broker: until
 * `attach`, agents wait.
 */
export async function openHubMesh(options: HubMeshOptions): Promise<HubMesh> {
  const { host, port, outside, tls, site, store, folder, tools, epoch, superseded, log } = options;
  const { agents, root } = site;
  let attach = (_intake: Intake, _requests: RequestServer): void => {};
  const attached = new Promise<{ readonly intake: Intake; readonly requests: RequestServer }>((resolve) => {
    attach = (intake, requests) => resolve({ intake, requests });
  });
  const common = {
    agents,
    log,
    onMessage: async (message: Inbound) => (await attached).intake.receive(message),
    onSampled: (stored: readonly StoredThrough[]) => void attached.then(({ intake }) => intake.sampled(stored)),
    onBroken: (stored: StoredThrough) => void attached.then(({ intake }) => intake.broken(stored)),
    onDropped: ({ failure: { code, message: why }, count, ...message }: Dropped) =>
      void attached.then(({ intake }) =>
        intake.complain('dropped telemetry', message, Object.assign(new Error(why), { code }), count),
      ),
    onRequest: (request: Request) => void attached.then(({ requests }) => requests.receive(request)),
  };
  if (outside === undefined) {
    const secure = tls === undefined ? {} : { tls };
    let health: (MeshHealth & CommitHealth) | null = null;
    let heard = performance.now();
    const onHealth = (said: MeshHealth & CommitHealth) => {
      health = said;
      heard = performance.now();
    };
    const local = await openMeshThread({ ...common, ...secure, host, port, store: folder, tools, onHealth });
    const trouble = () =>
      performance.now() - heard > SILENT_MS ? 'nothing was heard of the embedded broker: the log says more' : null;
    return { mesh: local, local, health: () => health, trouble, attach };
  }
  const mesh = openOutsideMesh({
    ...common,
    ...outside,
    store,
    will: hubState('dead', Date.now()),
    onHub: (topic, payload) => watchEpoch(topic, payload, root, epoch(), superseded),
  });
  const trouble = () => (mesh.isConnected() ? null : `not connected to the broker ${outside.url}`);
  return { mesh, local: null, health: () => null, trouble, attach };
}
