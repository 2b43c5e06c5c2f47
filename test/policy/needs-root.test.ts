import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadJudge } from '../../policy/load-judge.ts';

const test = suite('needs root');
const judge = loadJudge();
const needs = (line: string) => judge.needsRoot(line.split(' '));

test('what the rules mark takes root, through wrappers too', () => {
  for (const line of ['systemctl restart nginx', 'nice -n 5 systemctl reload nginx', 'sudo -n df', 'bootctl status'])
    assert.ok(needs(line), line);
});

test('what only looks, and what no rule knows or can read, does not', () => {
  for (const line of ['systemctl status nginx', 'df -h', 'no-such-binary x', 'env -i x', '../x'])
    assert.not(needs(line), line);
});

test('a sub-command or a flag that no rule knows is taken by what stands around it', () => {
  assert.not(needs('systemctl no-such-verb'));
  assert.ok(needs('systemctl restart --no-such-flag nginx'));
});

test.run();
