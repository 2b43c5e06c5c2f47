import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { streams } from './streams.ts';

const test = suite('hostile streams of bytes');

/** A sample: a million of them are `npm run soak -- streams`. */
const COUNT = 4_000;

test('the broker lives, lets go of each, and goes on acknowledging who does right', async () => {
  const seed = Number(process.env['SEED'] ?? 1);
  const { faults, refused, malformed, streams: sent } = await streams({ seed, count: COUNT });
  assert.equal(faults, [], `seed ${seed}`);
  assert.is(sent, COUNT);
  // If none of them were refused, or all, the streams would not be what they are meant to be.
  assert.ok(malformed > COUNT / 20 && malformed < COUNT * 0.9, `${malformed} malformed`);
  assert.ok(refused <= COUNT);
});

test.run();
