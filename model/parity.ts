import { readFileSync } from 'node:fs';
import { loadModel } from '../hub/reason/llama-model.ts';

/**
 * Whether llama.cpp computes what torch computed: the same tokens, the same best token after each, nearly the same
 * probability. Exits 1 otherwise.
 *   node dist/model/parity.js FILE.gguf PARITY.json
 */
/** Half precision and another order of sums: by so much a probability may differ. */
const NEAR = 0.02;
/** Where two tokens are nearly as likely the order may turn. */
const SAME = 0.98;

const [, , file = '', said = ''] = process.argv;
const torch = JSON.parse(readFileSync(said, 'utf8')) as {
  readonly text: string;
  readonly ids: readonly number[];
  readonly best: readonly number[];
  readonly chance: readonly number[];
};
const loaded = await loadModel(file, 1);
const ids = [...loaded.start, ...loaded.model.tokenize(torch.text, false)];
const sameTokens = JSON.stringify(ids) === JSON.stringify(torch.ids);
const options = { generateNext: { probabilities: true, options: { temperature: 0 } } } as const;
const steps = await loaded.sequence.controlledEvaluate(ids.map((token) => [token, options]));
let same = 0;
let furthest = 0;
steps.forEach((step, i) => {
  const [best] = step?.next.probabilities ?? [];
  if (best === undefined || best[0] !== torch.best[i]) return;
  same++;
  furthest = Math.max(furthest, Math.abs(best[1] - (torch.chance[i] ?? 0)));
});
console.log(
  `tokens ${sameTokens ? 'equal' : 'DIFFER'} (${ids.length}), best token equal after ${same} of them, probabilities within ${furthest.toFixed(4)}`,
);
await loaded.llama.dispose();
process.exit(sameTokens && same >= SAME * ids.length && furthest <= NEAR ? 0 : 1);
