import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasCommand, needsPackages } from './debian.ts';
import { kills } from './kills.ts';

/** Two rounds of what `npm run soak -- kills` does for twenty. */
const test = suite('kill -9 in random order');
test.before(() => needsPackages(['mosquitto'], () => hasCommand('mosquitto')));

test('nothing that the hub’s signature covered is lost, nothing runs twice, and every gap is named', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1e9);
  const found = await kills({ rounds: 2, seed, progress: () => {} });
  assert.equal(found.faults, []);
  assert.ok(found.acknowledged > 0 && found.frames > 0 && found.effects > 0, JSON.stringify(found));
});

test.run();
