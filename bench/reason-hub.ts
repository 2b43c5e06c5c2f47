import { monitorEventLoopDelay } from 'node:perf_hooks';
import { lineLog } from '../broker/log.ts';
import { openMeshThread } from '../hub/mesh/thread.ts';
import { askReasoner } from '../hub/reason/ask.ts';
import { openLlamaReasoner } from '../hub/reason/llama.ts';
import { ownModel } from '../hub/reason/own-model.ts';
import { RulesReasoner } from '../hub/reason/rules.ts';
import { Store } from '../hub/store/store.ts';
import { PLAYBOOKS } from '../model/corpus.ts';
import { heldOut } from '../model/score.ts';
import * as samples from '../test/broker/samples.ts';
import { enrolled, tempFolder, testAgent } from '../test/broker/site.ts';
import { METRICS } from './ingest-metrics.ts';

/**
 * What of a hub plans and ingest share: the mesh's thread with its store, and model and rules on the main thread. A process
 * of its own, so that the clients cost it nothing.
 */
export type ReasonAnswer =
  | { readonly kind: 'ready'; readonly port: number; readonly loadMs: number; readonly addedRssMib: number }
  | { readonly kind: 'round'; readonly plansMs: readonly number[]; readonly lagP99Ms: number };

const RESOLUTION_MS = 10;
const INCIDENTS = 200;
/** Not the seed of the report. */
const SEED = 11;
const MIB = 1_048_576;
const agents = Array.from({ length: Number(process.argv[2]) }, (_, i) => testAgent(`agent-${i}`));
const say = (answer: ReasonAnswer): void => void process.send?.(answer);

const { path, done } = tempFolder();
const store = new Store(path, 'write');
await store.write(() => {
  for (const { name } of agents) void store.births.put(name, { ...samples.birth, agent: name, metrics: METRICS });
});
const mesh = await openMeshThread({
  host: '127.0.0.1',
  port: 0,
  agents: enrolled(agents),
  store: path,
  onMessage: () => Promise.resolve(),
  onSampled: () => {},
  onBroken: () => {},
  onDropped: ({ failure }) => console.error(failure),
  onHealth: () => {},
  tools: { all: () => [], onChange: () => {} },
  onRequest: () => {},
  log: lineLog('hub', () => {}),
});

const evidence = heldOut(INCIDENTS, SEED).map((sample) => sample.evidence);
const rules = new RulesReasoner({ playbooks: [...PLAYBOOKS.values()], tried: () => [] });
const file = await ownModel();
if (file === null) throw new Error('no model ships with this hub: model/README.md says how one is made');
const before = process.memoryUsage().rss;
let loadMs = Number.NaN;
const model = await openLlamaReasoner({
  ...{ file, maxThreads: 1, deadlineMs: 60_000, playbooks: PLAYBOOKS },
  log: (line) => {
    loadMs = Number(/loaded in (\d+) ms/.exec(line)?.[1] ?? loadMs);
  },
});
let next = 0;
const plan = async (): Promise<number> => {
  const about = evidence[next++ % evidence.length];
  if (about === undefined) throw new Error('there is no incident to plan for');
  const began = performance.now();
  const deadline = AbortSignal.timeout(60_000);
  await Promise.all([model, rules].map((one) => askReasoner(one, about, deadline)));
  return performance.now() - began;
};
// The first answers fill what stays filled: the context, and code that is compiled then.
for (let i = 0; i < 3; i++) await plan();
const addedRssMib = (process.memoryUsage().rss - before) / MIB;

const lag = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
lag.enable();
let planning = false;
let plans: number[] = [];
let planned: Promise<void> = Promise.resolve();
const keepPlanning = async (): Promise<void> => {
  while (planning) plans.push(await plan());
};

process.on('message', (message) => {
  if (message === 'plan' || message === 'rest') {
    plans = [];
    planning = message === 'plan';
    planned = keepPlanning();
    lag.reset();
  } else if (message === 'round') {
    planning = false;
    const lagP99Ms = Math.max(0, lag.percentile(99) / 1e6 - RESOLUTION_MS);
    void planned.then(() => say({ kind: 'round', plansMs: plans, lagP99Ms }));
  } else {
    void model.close().then(async () => {
      await mesh.close();
      await store.close();
      done();
      process.exit();
    });
  }
});
say({ kind: 'ready', port: mesh.port, loadMs, addedRssMib });
