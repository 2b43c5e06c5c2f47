import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isNewer } from '../../broker/version.ts';

const test = suite('versions');

test('a later major or minor version is newer; a patch, an older one or what is no version is not', () => {
  for (const version of ['1.0.0', '0.2.0', '0.10.0', '0.2.0-rc.1']) assert.ok(isNewer(version, '0.1.9'), version);
  for (const version of ['0.1.9', '0.1.99', '0.0.7', '', 'x', '9', '-1.2.3'])
    assert.not.ok(isNewer(version, '0.1.9'), version);
});

test.run();
