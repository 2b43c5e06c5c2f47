import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadPolicy } from '../../policy/policy.ts';

const test = suite('what was once wrong');
const policy = await loadPolicy();
const rows = readFileSync(new URL('../../../fixtures/policy/regressions.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line): { id: string; cmd: string; never: string } => JSON.parse(line));

for (const { id, cmd, never } of rows) {
  test(id, () => assert.is.not(policy.check(cmd, null).decision, never, cmd));
}

/** Verdicts that hold today, over all families: a rule that changes one is meant to, and changes its row too. */
test('held verdicts stay what they were', () => {
  const held = readFileSync(new URL('../../../fixtures/policy/held.jsonl', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): { id: string; cmd: string; expect: string } => JSON.parse(line));
  const fits = (expect: string, decision: string) =>
    expect === decision || (expect === 'not_allow' && decision !== 'allow');
  const moved = held
    .map((row) => ({ ...row, decision: policy.check(row.cmd, null).decision }))
    .filter(({ expect, decision }) => !fits(expect, decision));
  assert.ok(held.length > 1_000);
  assert.equal(moved, []);
});

test.run();
