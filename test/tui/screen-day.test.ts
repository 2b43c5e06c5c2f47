import { suite } from 'uvu';
import * as assert from 'uvu/assert';

// Before React loads, as the product has it: its development build keeps a record of every picture.
process.env['NODE_ENV'] = 'production';
process.env['CI'] = 'false';
const { screenDay } = await import('../soak/screen-day.ts');

const test = suite('the screen over a long time');

/** Five minutes of the day that `npm run soak -- screen` runs whole. */
const REFRESHES = 600;
/** Between the second reading and the last. A frame that is kept is 30 kB: 400 of them would be 12 MiB. */
const GROWS_MIB = 4;

test('its memory stays as it is while data comes and views are walked through', async () => {
  const day = await screenDay(REFRESHES, 6);
  assert.is(day.heap.length, 6);
  assert.ok(day.frames >= REFRESHES / 8, `${day.frames} frames were drawn`);
  const grown = (day.heap.at(-1) ?? 0) - (day.heap[1] ?? 0);
  assert.ok(grown <= GROWS_MIB, `the heap grew by ${grown} MiB: ${day.heap.join(' ')}`);
});

test.run();
