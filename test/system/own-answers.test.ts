import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ownAnswers } from '../soak/own-answers.ts';

/** A file of the scenarios; all of them: npm run soak -- replay. */
const SCENARIOS = fileURLToPath(new URL('../../../fixtures/scenarios/held-out.yaml', import.meta.url));

const test = suite('the hub’s own model, asked again');

test('gives the same answers in three runs, and each decision comes out byte for byte', async () => {
  const { answers, different, replayed, exit } = await ownAnswers([SCENARIOS], 3);
  assert.ok(answers.length >= 10, `${answers.length} scenarios`);
  assert.equal(different, []);
  assert.equal(replayed, []);
  assert.is(exit, 0);
});

test.run();
