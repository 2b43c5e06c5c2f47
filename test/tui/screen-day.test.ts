import { suite } from 'uvu';
import * as assert from 'uvu/assert';

// Before React loads, as the product has it: its development build keeps a record of every picture.
process.env['NODE_ENV'] = 'production';
process.env['CI'] = 'false';
const { screenDay } = await import('../soak/screen-day.ts');
const { MemoryDesk } = await import('./memory-desk.ts');
const { INCIDENT, STATE } = await import('./recorded.ts');
const { renderAt } = await import('./render-at.ts');

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

test('no row of it is measured by Ink, which would keep every text that it ever measured', async () => {
  const measured: unknown[] = [];
  const set = Map.prototype.set;
  Map.prototype.set = function (key: unknown, value: unknown) {
    if (typeof key === 'string' && typeof value === 'object' && value !== null && 'width' in value) measured.push(key);
    return set.call(this, key, value);
  };
  const seen = renderAt(120, 40, new MemoryDesk(STATE, [INCIDENT]));
  try {
    seen.press('2', 'j', '1', 'enter');
    assert.match(await seen.text(), /incident/);
  } finally {
    Map.prototype.set = set;
    seen.close();
  }
  assert.equal(measured, []);
});

test.run();
