import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CORPUS_VERSION } from './corpus.ts';
import { manifestOf } from './manifest.ts';
import type { Report } from './report.ts';

/**
 * `npm run model [-- --steps N --seed N --out DIR]`: corpus, training, export, parity, evaluation, manifest, in this order.
 * A second call goes on from the last checkpoint. Python is needed here and nowhere else.
 */
const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '12000' },
    seed: { type: 'string', default: '1' },
    samples: { type: 'string', default: '100000' },
    begin: { type: 'string' },
    'evaluate-on': { type: 'string', default: '1000' },
    threads: { type: 'string', default: '2' },
    python: { type: 'string', default: '/usr/bin/python3' },
    out: { type: 'string', default: '.model' },
  },
});
if (!(Number(values.steps) > 0)) {
  console.error(
    'usage: npm run model -- [--steps N] [--seed N] [--samples N] [--begin DIR] [--evaluate-on N] [--threads N] [--out DIR]',
  );
  process.exit(2);
}
const { out, seed, python } = values;
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const trainer = (name: string) => here(`../../model/train/${name}`);
mkdirSync(out, { recursive: true });
const corpus = join(out, 'corpus.jsonl');
const held = join(out, 'held.jsonl');
const model = join(out, 'sentinel.gguf');
/** Held-out samples that show how far a training is, and their seed: others than those of the report. */
const WATCHED = { count: Math.min(300, Number(values.samples)), seed: 7 } as const;

run(process.execPath, here('write-corpus.js'), '--out', corpus, '--count', values.samples, '--seed', seed);
mustBeItsCorpus();
run(
  process.execPath,
  here('write-corpus.js'),
  ...['--out', held, '--count', String(WATCHED.count), '--seed', String(WATCHED.seed), '--split', 'held'],
);
run(
  python,
  trainer('train.py'),
  corpus,
  out,
  '--held',
  held,
  ...(values.begin === undefined ? [] : ['--begin', values.begin]),
  '--steps',
  values.steps,
  '--seed',
  seed,
  '--threads',
  values.threads,
);
// One prompt of the corpus itself: what the two sides compute of it must be the same.
const [, sample = '{}'] = readFileSync(corpus, 'utf8').split('\n', 2);
const row = JSON.parse(sample) as { readonly incident: string; readonly answer: string };
const prompt = join(out, 'parity.txt');
writeFileSync(prompt, row.incident + row.answer);
const exact = join(out, 'sentinel-f16.gguf');
const parity = join(out, 'parity.json');
run(python, trainer('export.py'), out, '--stored', 'f16', '--to', exact, '--parity', prompt, parity);
run(process.execPath, here('parity.js'), exact, parity);
run(python, trainer('export.py'), out, '--stored', 'q8_0', '--to', model);
const report = join(out, 'report');
const status = attempt(
  process.execPath,
  here('evaluate.js'),
  '--model',
  model,
  '--out',
  report,
  '--count',
  values['evaluate-on'],
);

const measured = JSON.parse(readFileSync(`${report}.json`, 'utf8')) as Report;
const manifest = manifestOf(readFileSync(model), measured, {
  ...{ corpus: CORPUS_VERSION, seed: Number(seed), samples: Number(values.samples), steps: Number(values.steps) },
  trained: new Date().toISOString().slice(0, 10),
});
writeFileSync(join(out, 'sentinel.json'), `${JSON.stringify(manifest, null, 1)}\n`);
console.log(`${model} and ${join(out, 'sentinel.json')} written; to ship them, copy both into model/`);
process.exit(status);

/**
 * A checkpoint goes on with the tokens that it began with, and those are learned from the corpus: with another one its
 * weights fit as to their shape, and mean nothing. Ends with 2 where the corpus is another than the checkpoint's.
 */
function mustBeItsCorpus(): void {
  const note = join(out, 'corpus.sha256');
  const hash = createHash('sha256').update(readFileSync(corpus)).digest('hex');
  const isBegun = existsSync(join(out, 'checkpoint.pt')) && existsSync(note);
  if (isBegun && readFileSync(note, 'utf8').trim() !== hash) {
    console.error(
      `${out} holds a checkpoint of another corpus: repeat its --seed and --samples, or name another --out`,
    );
    process.exit(2);
  }
  writeFileSync(note, `${hash}\n`);
}

/** Runs one step and shows what it says; a step that fails ends the whole. */
function run(command: string, ...args: readonly string[]): void {
  const code = attempt(command, ...args);
  if (code !== 0) process.exit(code);
}

function attempt(command: string, ...args: readonly string[]): number {
  console.log(`> ${[command, ...args].join(' ')}`);
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (error !== undefined) console.error(`${command}: ${error.message}`);
  return status ?? 1;
}
