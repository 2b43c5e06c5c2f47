import { parseArgs } from 'node:util';
import { runWeeks } from './weeks/run-weeks.ts';

/**
 * `npm run soak -- weeks [--days N] [--agents N] [--seed N]`: weeks of a site in fast-forward. Exits 1 when something was
 * lost, grew, or did not verify.
 */
const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '28' },
    agents: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
  },
});
const seed = Number(values.seed);
console.error(`weeks: seed ${seed}, ${values.days} days, ${values.agents} agents`);
const began = performance.now();
const { wrong, ...found } = await runWeeks({
  days: Number(values.days),
  agents: Number(values.agents),
  seed,
  progress: (line) => console.error(`weeks: ${Math.round((performance.now() - began) / 1_000)} s: ${line}`),
});
for (const one of wrong.slice(0, 50)) console.error(one);
const seconds = Math.round((performance.now() - began) / 1_000);
console.log(JSON.stringify({ soak: 'weeks', seed, seconds, ...found, wrong: wrong.length }));
process.exitCode = wrong.length === 0 ? 0 : 1;
