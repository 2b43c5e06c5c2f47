import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runWeeks } from '../soak/weeks/run-weeks.ts';

/** A day and six agents of what `npm run soak -- weeks` does for four weeks and twenty. */
const test = suite('weeks in fast-forward');

test('nothing that was acknowledged is lost, every gap is named, memory is flat, the store keeps its budget, the chain verifies', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1e9);
  const { wrong, ...found } = await runWeeks({ days: 1, agents: 6, seed, progress: () => {} });
  const shown = JSON.stringify(found);
  assert.equal(wrong, [], shown);
  assert.ok(found.samples > 15_000 && found.gaps > 0 && found.anomalies > 0, shown);
  assert.ok(found.incidents > 0 && found.approved > 0 && found.renewals >= found.agents, shown);
  assert.ok(found.rotations === 2 && found.agent_starts > found.agents, shown);
});

test.run();
