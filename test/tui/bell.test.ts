import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Bell } from '../../tui/bell.ts';
import type { IncidentRow } from '../../tui/desk.ts';

const test = suite('the bell');

const row = (id: string, state: IncidentRow['state'] = 'proposed'): IncidentRow => ({
  id,
  state,
  severity: 'warning',
  host: 'edge-07',
  title: 'unit failing',
  opened: 0,
  updated: 0,
  owner: 'nobody',
});

/** How often it rang after each list, a second apart unless it is said. */
function rings(lists: readonly (readonly IncidentRow[])[], apart = 1_000): readonly number[] {
  let count = 0;
  const bell = new Bell(() => count++);
  return lists.map((rows, i) => {
    bell.hear(rows, i * apart);
    return count;
  });
}

test('it rings for what begins to wait for a person, once, and not for what stood there or works', () => {
  const old = row('a');
  const still = [old];
  assert.equal(rings([[old], still, still]), [0, 0, 0]);
  assert.equal(rings([[old], [row('b'), old], [row('b'), old], [row('b')]]), [0, 1, 1, 1]);
  assert.equal(rings([[], [row('b', 'executing')], [row('b', 'resolved')]]), [0, 0, 0]);
  assert.equal(rings([[], [row('b', 'executing')], [row('b', 'escalated')]]), [0, 0, 1], 'it has come to a person');
});

test('a storm is one call, and what came within it another when it is quiet again', () => {
  const storm = Array.from({ length: 30 }, (_, n) => Array.from({ length: n }, (__, i) => row(`s${i}`)));
  assert.equal(rings(storm).at(-1), 3, 'within 30 s at most every ten seconds');
  const last = storm[29] ?? [];
  assert.equal(rings([[], last, last, last], 6_000), [0, 1, 1, 1], 'nothing new came');
});

test.run();
