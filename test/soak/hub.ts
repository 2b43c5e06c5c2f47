import { parseArgs } from 'node:util';
import { hubRounds } from './hub-rounds.ts';

// npm run soak -- hub [--count ROUNDS] [--seed N]: kills a real hub and agent at random. Exit 1 on a finding.
const { values } = parseArgs({
  options: { count: { type: 'string', default: '500' }, seed: { type: 'string', default: String(Date.now() % 1e9) } },
});
const seed = Number(values.seed);
console.error(`hub rounds: seed ${seed}, ${values.count} rounds`);
const stop = new AbortController();
// A long run may be ended early: it still says what it found.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
const began = performance.now();
const found = await hubRounds({
  rounds: Number(values.count),
  seed,
  stop: stop.signal,
  told: (line) => console.error(line),
});
const seconds = Math.round((performance.now() - began) / 1_000);
console.log(JSON.stringify({ soak: 'hub', seed, seconds, ...found }));
process.exitCode = found.wrong.length === 0 ? 0 : 1;
