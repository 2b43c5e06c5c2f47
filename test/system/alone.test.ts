import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HOSTS, resolveAlone } from './alone-faults.ts';

const test = suite('resolved with nobody there');

for (const [i, faults] of HOSTS.entries()) {
  test(`host ${i + 1}: ${faults.map(({ scenario }) => scenario).join(', ')}`, async () => {
    assert.is((await resolveAlone(faults)).length, faults.length);
  });
}

test.run();
