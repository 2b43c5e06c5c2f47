import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import { lineLog } from '../broker/log.ts';
import { openMeshThread } from '../hub/mesh/thread.ts';
import { Store } from '../hub/store/store.ts';
import * as samples from '../test/broker/samples.ts';
import { enrolled, tempFolder, testAgent } from '../test/broker/site.ts';
import { METRICS } from './ingest-metrics.ts';

/** What the bench asks of a broker in a process of its own, whose whole CPU time is the broker's. */
export type Answer =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'spent'; readonly cpuMs: number }
  | { readonly kind: 'stored'; readonly stored: number; readonly lagP99Ms: number | null };

/** What the hub says to all when it is told to talk. */
const TALK_MESSAGES = 1_000;
const AGENTS = Number(process.argv[3] ?? 100);
const say = (answer: Answer): void => void process.send?.(answer);
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** Aedes as it comes: no limits, no store, no checks. */
async function bare(): Promise<void> {
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle);
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    say({ kind: 'ready', port: typeof address === 'object' && address !== null ? address.port : 0 });
  });
  process.on('message', () => say({ kind: 'spent', cpuMs: cpuMs() }));
}

/** The hub's thread with the broker and the ingest, and the store on the disk. */
async function ours(): Promise<void> {
  const { path, done } = tempFolder();
  const store = new Store(path, 'write');
  const agents = Array.from({ length: AGENTS }, (_, i) => testAgent(`agent-${i}`));
  await store.write(() => {
    for (const { name } of agents) void store.births.put(name, { ...samples.birth, agent: name, metrics: METRICS });
  });
  const lags: number[] = [];
  let dropped = 0;
  const mesh = await openMeshThread({
    host: '127.0.0.1',
    port: 0,
    agents: enrolled(agents),
    store: path,
    onMessage: () => Promise.resolve(),
    onSampled: () => {},
    onBroken: () => {},
    // The first says what is wrong; hostile clients have thousands of them.
    onDropped: ({ failure }) => {
      if (dropped++ === 0) console.error(failure);
    },
    onHealth: ({ loopLagP99Ms }) => void lags.push(loopLagP99Ms),
    tools: { all: () => [], onChange: () => {} },
    onRequest: () => {},
    log: lineLog('hub', () => {}),
  });
  say({ kind: 'ready', port: mesh.port });
  process.on('message', (message) => {
    if (message === 'end') {
      void mesh.close().then(async () => {
        await store.close();
        done();
        process.exit();
      });
      return;
    }
    if (message === 'talk') {
      for (let i = 0; i < TALK_MESSAGES; i++) void mesh.publish('s/1/hub/site', Buffer.alloc(1_000)).catch(() => {});
      return;
    }
    if (message === 'spent') {
      say({ kind: 'spent', cpuMs: cpuMs() });
      return;
    }
    // A walk over all of them: asked for once, at the end, or its time would be counted with the next round's.
    store.refresh();
    say({ kind: 'stored', stored: store.samples.getCount(), lagP99Ms: lags.length ? Math.max(...lags) : null });
  });
}

if (process.argv[2] === 'bare') await bare();
else if (process.argv[2] === 'ours') await ours();
