import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { comeBack } from './cut.ts';
import { hasCommand, needsPackages } from './debian.ts';

/** 9,600 bit/s, 2 s each way, 10 % loss; how long it takes is what `npm run soak -- thin-link` measures, with a day's samples. */
const test = suite('a thin link');
test.before(() => needsPackages(['nftables', 'iproute2'], () => hasCommand('nft') && hasCommand('ip')));

test('an agent comes back from a cut over it: the alert arrives, and every sample that it kept', async () => {
  const found = await comeBack(90, 1, () => {});
  assert.is(found.missing, 0);
  assert.is(found.alerts.length, 1);
});

test.run();
