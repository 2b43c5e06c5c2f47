import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ownAnswers } from './own-answers.ts';

// npm run soak -- replay [--count RUNS]: every scenario with the hub's own model, so often, and every decision of the last run made
// again. Exit 1 where an answer or a replay is not the same byte for byte.
const { values } = parseArgs({ options: { count: { type: 'string', default: '3' } } });
const scenarios = fileURLToPath(new URL('../../../fixtures/scenarios', import.meta.url));
const { answers, different, replayed, exit } = await ownAnswers([scenarios], Number(values.count));
for (const line of [...different, ...replayed]) console.log(line);
const isSame = exit === 0 && different.length === 0 && replayed.length === 0 && answers.length > 0;
console.log(JSON.stringify({ soak: 'replay', scenarios: answers.length, runs: Number(values.count), same: isSame }));
process.exit(isSame ? 0 : 1);
