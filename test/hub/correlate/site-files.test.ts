import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../../hub/config-file.ts';
import { DEFAULT_RULES, readCorrelationRules } from '../../../hub/correlate/rules.ts';
import { readServiceMap } from '../../../hub/correlate/service-map.ts';
import { tempFolder } from '../../broker/site.ts';

const test = suite('correlate.yaml and services.yaml');

function withFile<T>(text: string, read: (file: string) => T): T {
  const { path, done } = tempFolder();
  try {
    const file = join(path, 'site.yaml');
    writeFileSync(file, text);
    return read(file);
  } finally {
    done();
  }
}

function refused(text: string, read: (file: string) => unknown): ConfigError {
  try {
    withFile(text, read);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error(`was not refused:\n${text}`);
}

test('without a file the defaults hold', () => {
  assert.equal(readCorrelationRules('/nonexistent/correlate.yaml'), DEFAULT_RULES);
  assert.is(DEFAULT_RULES.group.hosts, 5);
  assert.is(readServiceMap('/nonexistent/services.yaml').on('web-1').length, 0);
});

test('rules are read, with durations as milliseconds', () => {
  const rules = withFile(
    `version: 1
open_after:
  - { match: 'signal=net.*', count: 3, within: 10m }
inhibit:
  - { source: 'signal=host.silent', target: 'signal=unit.*', equal: [host] }
group: { hosts: 20, within: 1m }
`,
    readCorrelationRules,
  );
  assert.is(rules.open_after[0]?.within, 600_000);
  assert.is(rules.group.hosts, 20);
  assert.is(rules.flapping.times, 3);
});

test('each mistake is named with its line and what to write', () => {
  const at = (text: string, line: number, about: RegExp, read: (file: string) => unknown = readCorrelationRules) => {
    const error = refused(text, read);
    assert.is(error.line, line, error.message);
    assert.match(error.message, about);
    assert.is(error.code, 'E_CONFIG');
  };
  at('version: 2\n', 1, /version: 1/);
  at('version: 1\nopen_after:\n  - match: "colour=red"\n    count: 3\n    within: 5m\n', 3, /colour=red/);
  at('version: 1\nopen_after:\n  - match: host=a\n    count: 3\n    within: soon\n', 5, /30s, 5m, 2h or 1d/);
  at('version: 1\nopenafter: []\n', 1, /openafter/);
  at('version: 1\ngroup: [\n', 3, /not plain YAML/);
  at('version: 1\ngroup: &a {hosts: 3}\nflapping: *a\n', 3, /alias/);
  at(`version: 1\n# ${'x'.repeat(300_000)}\n`, 1, /262144 bytes/);
  at('version: 1\nservices:\n  - name: Web\n', 3, /lower-case/, readServiceMap);
  at('version: 1\nservices:\n  - { name: web, depends_on: [db] }\n', 1, /db, which is no service/, readServiceMap);
});

test('a host needs what its services need, over any number of steps, and circles end', () => {
  const map = withFile(
    `version: 1
services:
  - { name: shop, hosts: [web-1, web-2], depends_on: [db, cache], unit: shop.service, owner: ann }
  - { name: cache, hosts: [cache-1], depends_on: [switch] }
  - { name: db, hosts: [db-1], depends_on: [switch, shop] }
  - { name: switch, hosts: [sw-1] }
`,
    readServiceMap,
  );
  assert.equal([...map.upstreamOf('web-1')].sort(), ['cache-1', 'db-1', 'sw-1', 'web-2']);
  assert.equal([...map.upstreamOf('cache-1')], ['sw-1']);
  assert.equal([...map.upstreamOf('sw-1')], []);
  assert.equal(map.factsOf('web-1'), {
    services: 'shop',
    'depends on': 'db, cache',
    unit: 'shop.service',
    owner: 'ann',
  });
});

test.run();
