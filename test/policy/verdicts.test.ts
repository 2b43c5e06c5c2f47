import { readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRules } from '../../policy/load-rules.ts';
import { loadPolicy } from '../../policy/policy.ts';

const test = suite('recorded verdicts');
const file = new URL('../../../fixtures/policy/verdicts.jsonl', import.meta.url);
const policy = await loadPolicy();

/** Every example of every rule file, with all that an operator is told: its decision alone would hide which rule spoke. */
const now = loadRules().examples.map(({ command }) => {
  const { decision, effect, rule, attributes } = policy.check(command, null);
  return JSON.stringify({ cmd: command, verdict: decision, effect, rule, attributes });
});

if (process.env['RECORD'] !== undefined) writeFileSync(file, `${[...new Set(now)].sort().join('\n')}\n`);
const recorded = new Set(readFileSync(file, 'utf8').split('\n'));

test('every example has the verdict, effect, rule and attributes that were recorded', () => {
  const changed = now.filter((line) => !recorded.has(line));
  assert.equal(changed, [], 'after a change that is meant: RECORD=1 node dist/test/policy/verdicts.test.js');
});

test('nothing is recorded that no rule file promises any more', () => {
  const known = new Set(now);
  assert.equal(
    [...recorded].filter((line) => line !== '' && !known.has(line)),
    [],
  );
});

test.run();
