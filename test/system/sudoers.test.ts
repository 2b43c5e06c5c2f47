import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRules } from '../../policy/load-rules.ts';
import { sudoersEntries } from '../../policy/sudoers.ts';
import { hasCommand, needsPackages } from './debian.ts';

const test = suite('sudoers entries');
test.before(() => needsPackages(['sudo'], () => hasCommand('visudo')));

const inventory = {
  ...{ mounts: [], containers: [], hosts: [], folders: [], processes: [] },
  units: ['nginx.service', 'app@1.service', 'logrotate.timer', 'ssh.service', 'a+b:c.service'],
};

test('real visudo reads every entry', () => {
  const { rules } = loadRules();
  const lines = sudoersEntries(rules, { user: 'sentinel-exec', inventory, locate: (name) => `/usr/bin/${name}` });
  assert.ok(lines.filter((line) => line.includes('NOPASSWD')).length >= 10);
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-sudoers-'));
  const file = join(folder, 'sentinel');
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o440 });
  const { status, stdout, stderr, error } = spawnSync('visudo', ['-cf', file], {
    encoding: 'utf8',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  });
  rmSync(folder, { recursive: true });
  assert.is(error, undefined);
  assert.is(status, 0, stdout + stderr);
});

test.run();
