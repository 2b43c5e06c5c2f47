import { parseArgs } from 'node:util';
import { streams } from '../broker/streams.ts';

/** `npm run soak -- streams [--count N] [--seed N]`: hostile byte streams against the broker. Exits 1 on a fault. */
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
  },
});
const seed = Number(values.seed);
console.error(`streams: seed ${seed}, ${values.count} streams`);
const started = performance.now();
const stop = new AbortController();
// A long run may be ended early: it still says what it sent.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
let told = 0;
const { faults, ...found } = await streams({
  seed,
  count: Number(values.count),
  stop: stop.signal,
  progress: (done) => {
    if (done - told < 10_000) return;
    told = done;
    console.error(`streams: ${done}, ${Math.round((done * 1_000) / (performance.now() - started))}/s`);
  },
});
for (const fault of faults) console.error(fault);
console.log(JSON.stringify({ soak: 'streams', seed, ...found, faults: faults.length }));
process.exitCode = faults.length === 0 ? 0 : 1;
