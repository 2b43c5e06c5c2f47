import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Looking } from '../../hub/acts/looking.ts';

const test = suite('who looks at an incident');

test('each sees the others at the same incident, and not for longer than they look', () => {
  const looking = new Looking();
  assert.equal(looking.note('s1', 'ann', 'A', 0), []);
  assert.equal(looking.note('s2', 'mira', 'A', 1_000), ['ann']);
  assert.equal(looking.note('s3', 'bob', 'B', 1_000), []);
  assert.equal(looking.note('s1', 'ann', 'A', 2_000), ['mira']);
  assert.equal(looking.note('s2', 'mira', 'B', 3_000), ['bob'], 'who goes to another incident is there alone');
  assert.equal(looking.note('s4', 'ann', 'A', 4_000), ['ann'], 'oneself, elsewhere');
  assert.equal(looking.note('s3', 'bob', 'B', 60_000), [], 'who says nothing any more is gone');
});

test('however many sessions come, what is kept is bounded', () => {
  const looking = new Looking();
  for (let i = 0; i < 1_000; i++) looking.note(`s${i}`, `n${i}`, 'A', 0);
  assert.is(looking.note('last', 'x', 'A', 1).length, 255);
});

test.run();
