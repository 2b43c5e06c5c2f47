import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hubRounds } from '../soak/hub-rounds.ts';

/** A few rounds of `npm run soak -- hub`, from the run's own seed; 500 are some half an hour. */
const ROUNDS = 4;

const test = suite('hub and agent killed at random');

test('every incident ends or has an owner, no step runs twice, chain and indexes agree', async () => {
  const found = await hubRounds({ rounds: ROUNDS, seed: Number(process.env['SEED'] ?? 1) });
  assert.equal(found.wrong, []);
  assert.is(found.rounds, ROUNDS);
  assert.ok(found.kills.hub + found.kills.agent >= ROUNDS, JSON.stringify(found.kills));
});

test.run();
