import { parseArgs } from 'node:util';
import { powerCuts } from '../system/power-cuts.ts';

/**
 * `npm run soak -- power [--count N] [--seed N]`, as root: the power of a booted Debian is cut N times in the steps of each of
 * upgrade (tarball, packages, and over the mesh), migration, backup and restore. Ends at the first fault.
 */
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
  },
});
const seed = Number(values.seed);
console.error(`power: seed ${seed}, ${values.count} cuts of each work`);
const began = performance.now();
const found = await powerCuts({
  each: Number(values.count),
  seed,
  progress: (line) => console.error(`power: ${Math.round((performance.now() - began) / 1_000)} s: ${line}`),
});
console.log(JSON.stringify({ soak: 'power', seed, ...found }));
