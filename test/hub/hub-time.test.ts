import { mkdtempSync, rmSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hubTime } from '../../hub/site/hub-time.ts';
import { Store } from '../../hub/store/store.ts';

const HOUR_MS = 3_600_000;
const NOW = Date.UTC(2026, 10, 27);

const test = suite('hub time');

test('the time that a hub signs goes back with no step of its clock, but with one that mends a far day', async () => {
  const folder = mkdtempSync('/var/tmp/sentinel-test-hub-time-');
  const store = new Store(folder, 'write');
  const says = (clock: number) => store.write(() => hubTime(store, clock));
  try {
    assert.is(await says(NOW), NOW);
    assert.is(await says(NOW - HOUR_MS), NOW);
    assert.is(await says(NOW + 20 * HOUR_MS), NOW + 20 * HOUR_MS);
    assert.is(await says(NOW), NOW + 20 * HOUR_MS);
    assert.is(await says(5_000), NOW + 20 * HOUR_MS, 'a clock in 1970 mends nothing');
    const far = Date.UTC(2040, 0, 1);
    assert.is(await says(far), far);
    assert.is(await says(NOW + HOUR_MS), NOW + HOUR_MS, 'in 2040 no agent would believe it');
    assert.is(await says(NOW), NOW + HOUR_MS);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
