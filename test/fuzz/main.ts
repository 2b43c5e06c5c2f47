import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { campaign } from './campaign.ts';

// npm run fuzz -- [--count N] [--seed N] [--stubs programs|functions] [--batch N] [--jobs N] [--shell PATH]: compares N allowed commands with what real bash runs. Exit 1 on a difference.
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    stubs: { type: 'string', default: 'programs' },
    batch: { type: 'string', default: '500' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    shell: { type: 'string', default: '/bin/bash' },
  },
});
const seed = Number(values.seed);
const count = Number(values.count);
console.error(`fuzz: seed ${seed}, ${count} commands`);
const started = performance.now();
const stop = new AbortController();
// A long run may be ended early: it still says what it compared.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
let told = 0;
const found = await campaign({
  seed,
  count,
  stubs: values.stubs === 'functions' ? 'functions' : 'programs',
  jobs: Number(values.jobs),
  batch: Number(values.batch),
  shell: values.shell,
  stop: stop.signal,
  progress: (compared) => {
    if (compared - told < 10_000) return;
    told = compared;
    console.error(`fuzz: ${compared} compared, ${Math.round((compared * 1_000) / (performance.now() - started))}/s`);
  },
});
const { differences, ...numbers } = found;
const rate = Math.round((found.compared * 1_000) / (performance.now() - started));
for (const difference of differences.slice(0, 20)) console.error(difference);
console.log(
  JSON.stringify({
    fuzz: 'policy',
    seed,
    stubs: values.stubs,
    ...numbers,
    differences: differences.length,
    per_s: rate,
  }),
);
process.exitCode = differences.length === 0 ? 0 : 1;
