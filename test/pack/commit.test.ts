import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commitOf } from '../../pack/commit.ts';

const test = suite<{ dir: string }>('commit that is packed');
test.before((context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'sentinel-commit-'));
});
test.after(({ dir }) => rmSync(dir, { recursive: true, force: true }));

test('a file that is not in the commit may be packed too: then it is no release of that commit', ({ dir }) => {
  const git = (...argv: string[]) => {
    const who = ['-c', 'user.name=t', '-c', 'user.email=t@localhost', '-c', 'commit.gpgsign=false'];
    const { status, stderr } = spawnSync('git', ['-C', dir, ...who, ...argv], { encoding: 'utf8' });
    assert.is(status, 0, stderr);
  };
  git('init', '-q');
  writeFileSync(join(dir, '.gitignore'), 'dist\n');
  git('add', '.');
  git('commit', '-q', '-m', 'one');
  writeFileSync(join(dir, 'dist'), '');
  const { id, isChanged } = commitOf(dir, {});
  assert.match(id ?? '', /^[0-9a-f]{40}$/);
  assert.is(isChanged, false);
  writeFileSync(join(dir, 'notes.md'), 'to myself\n');
  assert.is(commitOf(dir, {}).isChanged, true);
});

test.run();
