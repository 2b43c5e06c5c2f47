import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { parseArgs } from 'node:util';
import { CATALOGUE, CORPUS_VERSION, makeSample } from './corpus.ts';
import type { Split } from './names.ts';

/**
 * Writes samples as JSON lines for the trainer: first one line about the corpus, then a line a sample.
 *   node dist/model/write-corpus.js --out FILE [--count 40000] [--seed 1] [--split train|held]
 * Seeds of two parts are told apart by the split, and those of two corpora by the seed: sample i has the number
 * seed * 10,000,000 + i.
 */
const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    count: { type: 'string', default: '40000' },
    seed: { type: 'string', default: '1' },
    split: { type: 'string', default: 'train' },
  },
});
const count = Number(values.count);
const seed = Number(values.seed);
if (values.out === undefined || !(count > 0) || !Number.isSafeInteger(seed) || !/^(?:train|held)$/.test(values.split)) {
  console.error('usage: node dist/model/write-corpus.js --out FILE [--count N] [--seed N] [--split train|held]');
  process.exit(2);
}
const split = values.split as Split;
const out = createWriteStream(values.out);
out.write(`${JSON.stringify({ corpus: CORPUS_VERSION, split, seed, count, classes: CATALOGUE.classes })}\n`);
for (let i = 0; i < count; i++) {
  const { class: name, kind, planted, prompt, answer } = makeSample(seed * 10_000_000 + i, split);
  const row = { class: name, kind, planted, fixed: prompt.fixed, incident: prompt.incident, answer };
  if (!out.write(`${JSON.stringify(row)}\n`)) await once(out, 'drain');
  if ((i + 1) % 5_000 === 0) console.error(`${i + 1} of ${count} samples`);
}
out.end();
await once(out, 'finish');
