import { parseArgs } from 'node:util';
import { kills } from '../system/kills.ts';

/**
 * `npm run soak -- kills [--rounds N] [--seed N]`, as root: hub, agent and mosquitto (Debian's, installed before) are killed
 * with -9 in random order, under load. Exits 1 on a fault.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
  },
});
const seed = Number(values.seed);
console.error(`kills: seed ${seed}, ${values.rounds} rounds`);
const { faults, ...found } = await kills({
  seed,
  rounds: Number(values.rounds),
  progress: (round, told) => console.error(`kills: round ${round}: ${told}`),
});
for (const fault of faults) console.error(fault);
console.log(JSON.stringify({ soak: 'kills', seed, ...found, faults: faults.length }));
process.exitCode = faults.length === 0 ? 0 : 1;
