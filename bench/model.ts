import { createHash } from 'node:crypto';
import { openLlamaReasoner } from '../hub/reason/llama.ts';
import { ownModel } from '../hub/reason/own-model.ts';
import { PLAYBOOKS } from '../model/corpus.ts';
import { heldOut } from '../model/score.ts';
import { type Emit, percentile } from './row.ts';

/** What the shipped model may cost a hub: milliseconds and MiB. */
const AIM = { planP95: 500, load: 200, rss: 64 } as const;
const INCIDENTS = 200;
/** Not the seed of the report. */
const SEED = 11;
const MIB = 1_048_576;

/** Loads the model that ships with the hub as the hub does, asks it about held-out incidents on one thread, and again. */
export async function modelBench(emit: Emit): Promise<boolean> {
  const row = (metric: string, value: number, unit: string) => emit({ bench: 'model', metric, value, unit });
  const file = await ownModel();
  if (file === null) throw new Error('no model ships with this hub: model/README.md says how one is made');
  const samples = heldOut(INCIDENTS, SEED);
  // Before it is counted: what the library itself takes is no matter of the model.
  const { getLlama } = await import('node-llama-cpp');
  await (await getLlama({ gpu: false, build: 'never', skipDownload: true, progressLogs: false })).dispose();
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  const load = { file: Number.NaN, library: Number.NaN };
  const open = () =>
    openLlamaReasoner({
      ...{ file, maxThreads: 1, deadlineMs: 60_000, playbooks: PLAYBOOKS },
      log: (line) => {
        const said = /loaded in (\d+) ms, its library in (\d+) ms/.exec(line);
        if (said !== null) Object.assign(load, { file: Number(said[1]), library: Number(said[2]) });
      },
    });
  const hashes: string[] = [];
  const times: number[] = [];
  let rss = 0;
  for (let round = 0; round < 2; round++) {
    const reasoner = await open();
    const hash = createHash('sha256');
    for (const { evidence } of samples) {
      const began = performance.now();
      const { trace } = await reasoner.diagnose(evidence, AbortSignal.timeout(60_000));
      if (round === 0) times.push(performance.now() - began);
      hash.update(`${trace?.output}\n`);
    }
    hashes.push(hash.digest('hex'));
    if (round === 0) rss = (process.memoryUsage().rss - before) / MIB;
    await reasoner.close();
  }
  const same = hashes[0] === hashes[1];
  row('load', load.file, 'ms');
  row('load_library', load.library, 'ms');
  row('plan_p50', percentile(times, 0.5), 'ms');
  row('plan_p95', percentile(times, 0.95), 'ms');
  row('added_rss', rss, 'MiB');
  row('same_answers_again', Number(same), 'yes');
  return percentile(times, 0.95) <= AIM.planP95 && load.file <= AIM.load && rss <= AIM.rss && same;
}
