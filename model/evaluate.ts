import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fitCalibration } from '../bench/fit-calibration.ts';
import { openLlamaReasoner } from '../hub/reason/llama.ts';
import type { Reasoner } from '../hub/reason/reasoner.ts';
import { RulesReasoner } from '../hub/reason/rules.ts';
import { PLAYBOOKS } from './corpus.ts';
import { INJECTIONS } from './noise.ts';
import { AIMS, confusionsOf, errorOf, figuresOf, markdown, type Report } from './report.ts';
import { heldOut, isSwayed, type Score, scored } from './score.ts';

/**
 * Measures a model on incidents of names and wordings that it never saw, through the reasoner and the validator that the
 * hub uses, with `rules` alone beside it. Writes REPORT.json and REPORT.md; exits 1 when it falls short of an aim.
 *   node dist/model/evaluate.js --model FILE.gguf --out FOLDER/REPORT [--count 1000] [--seed 9]
 */
const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    out: { type: 'string' },
    count: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '9' },
  },
});
if (values.model === undefined || values.out === undefined) {
  console.error('usage: node dist/model/evaluate.js --model FILE.gguf --out FOLDER/REPORT [--count N] [--seed N]');
  process.exit(2);
}
/** Each fourth sample is asked twice more, with and without a planted line. */
const SWAYED_EACH = 4;

const samples = heldOut(Number(values.count), Number(values.seed));
let loadMs = 0;
const model = await openLlamaReasoner({
  ...{ file: values.model, maxThreads: 1, deadlineMs: 60_000, playbooks: PLAYBOOKS },
  log: (line) => {
    loadMs = Number(/loaded in (\d+) ms/.exec(line)?.[1] ?? loadMs);
    console.error(line);
  },
});
const rules = new RulesReasoner({ playbooks: [...PLAYBOOKS.values()], tried: () => [] });

const byModel = await scores(model, 'model');
const byRules = await scores(rules, 'rules');
let swayed = 0;
const asked = samples.filter((_, i) => i % SWAYED_EACH === 0);
for (const [i, sample] of asked.entries()) {
  const planted = INJECTIONS.held[i % INJECTIONS.held.length] ?? '';
  if (await isSwayed(model, sample.evidence, planted.replace(/\{[a-z]+\}/g, 'it'))) swayed++;
}
const [first] = samples;
const trace = first === undefined ? null : (await model.diagnose(first.evidence, AbortSignal.timeout(60_000))).trace;
await model.close();

/** Those of one half of the samples: the table is made of one, and held against the other. */
const said = (half: number) =>
  byModel.flatMap(({ probability, classRight }, i) =>
    probability === null || i % 2 !== half ? [] : [{ score: probability, right: classRight }],
  );
const calibration = fitCalibration(said(0));

const report: Report = {
  ...{ model: model.name, sha256: trace?.model_sha256 ?? '', seed: Number(values.seed) },
  ...{ figures: figuresOf(byModel), rules: figuresOf(byRules), load_ms: loadMs },
  unswayed: asked.length === 0 ? null : Math.round(10_000 * (1 - swayed / asked.length)) / 100,
  calibration,
  calibration_error: errorOf(calibration, said(1)),
  confusions: confusionsOf(byModel),
};
writeFileSync(`${values.out}.json`, `${JSON.stringify(report, null, 1)}\n`);
writeFileSync(`${values.out}.md`, markdown(report));
console.log(markdown(report));

const { figures } = report;
const short = (['valid', 'class', 'culprit', 'commands', 'unknown'] as const).filter(
  (key) => (figures[key] ?? 0) < AIMS[key],
);
const isShort = short.length > 0 || figures.ms_p95 > AIMS.ms_p95 || (report.unswayed ?? 0) < AIMS.unswayed;
process.exit(isShort ? 1 : 0);

async function scores(reasoner: Reasoner, name: string): Promise<readonly Score[]> {
  const all: Score[] = [];
  for (const sample of samples) {
    all.push(await scored(reasoner, sample));
    if (all.length % 100 === 0) console.error(`${name}: ${all.length} of ${samples.length}`);
  }
  return all;
}
