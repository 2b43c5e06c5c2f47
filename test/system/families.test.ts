import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadPolicy } from '../../policy/policy.ts';
import { allowedFamilies, NO_HOSTS } from './allowed-families.ts';

/** Of everything that may run with nobody there: no part of the tables is left out of what is looked at. */
const test = suite('what may run alone, and the network');

/**
 * Their tables let them run, and what those ask for is in no command line that is allowed: they can't run alone, and so
 * reach nobody. A family that is added to a table and belongs here has to be written here.
 */
const NEVER_ALONE: readonly string[] = [];

const policy = await loadPolicy();
const { allowed, unknown } = allowedFamilies(policy);

test('every family of the tables that may run alone is known by a command line, which the egress test runs', () => {
  assert.equal(unknown.toSorted(), NEVER_ALONE.toSorted());
  assert.ok(allowed.size > 1_500, `${allowed.size} families`);
});

test('none of them asks a host that nobody named', () => {
  const asking = [...allowed.values()].filter(({ asksHost }) => asksHost).map(({ command }) => command);
  assert.ok(asking.length > 0, 'there are such');
  assert.equal(
    asking.filter((command) => policy.check(command, NO_HOSTS).decision === 'allow'),
    [],
  );
});

test.run();
