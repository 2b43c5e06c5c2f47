import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LIMITS } from '../../agent/detect/limits.ts';
import { parseDropIn } from '../../agent/drop-in/drop-in.ts';

/** What docs/watching.md shows is what the agent takes. */
const test = suite('docs/watching.md');
const text = readFileSync(fileURLToPath(new URL('../../../docs/watching.md', import.meta.url)), 'utf8');

test('its drop-in loads, with every section that it speaks of', () => {
  const yaml = /```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
  const { units, logs, certificates, databases, endpoints, statsd, senses } = parseDropIn('watching.md', yaml);
  assert.equal([units.ignore.length, logs.length, certificates.length, databases.length], [1, 1, 1, 2]);
  assert.equal([endpoints[0]?.metrics.length, statsd.udp, senses.get('containers')], [2, 8125, false]);
});

test('its table has the limits that hold', () => {
  for (const [, metric, at] of text.matchAll(/\| `([a-z_.]+)(?:\[[A-Z]+\])?` \| ([\d,]+)/g)) {
    const limit = LIMITS.find((one) => one.metric === metric);
    assert.is(limit?.at, Number(at?.replace(',', '')), metric);
  }
});
test.run();
