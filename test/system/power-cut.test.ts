import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { powerCuts } from './power-cuts.ts';

/** One step of each of five works, drawn from the seed, of what `npm run soak -- power` goes through. */
const test = suite('a power cut');

test('in a step of upgrade, migration, backup or restore: the system starts, says what happened, and goes on from there', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1e9);
  const log: string[] = [];
  const { cuts, short } = await powerCuts({ each: 1, works: 5, seed, progress: (line) => log.push(line) });
  assert.is(cuts, 5);
  // A work may have come to its end before it was seen to begin.
  assert.ok(short >= 3, log.join('\n'));
});

test.run();
