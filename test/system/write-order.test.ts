import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stateFolder } from '../../broker/state-folder.ts';
import { restoringFile } from '../../hub/backup/restoring.ts';
import { FRONT_DOOR } from '../e2e/site.ts';
import { hubOf, PASSPHRASE } from './backed-up-hub.ts';
import { hasCommand, needsPackages } from './debian.ts';
import { unpacked } from './unpacked.ts';
import { disorder, STRACE } from './write-order.ts';

/** A power cut takes what was not flushed: what was written, in which order, and what was flushed before it counted. */
const test = suite<{ dir: string }>('the order of writes');
test.before((context) => {
  needsPackages(['strace', 'util-linux'], () => ['strace', 'unshare'].every(hasCommand));
  context.dir = mkdtempSync('/var/tmp/sentinel-test-order-');
});
test.after(({ dir }) => rmSync(dir, { recursive: true, force: true }));

function traced(dir: string, ...argv: readonly string[]): string {
  const file = join(dir, 'calls');
  const [strace, ...flags] = STRACE;
  const { status, stdout, stderr } = spawnSync(strace, [...flags, '-o', file, ...argv], { encoding: 'utf8' });
  assert.is(status, 0, stdout + stderr);
  return readFileSync(file, 'utf8');
}

test('what is not flushed is found: content before its name, a name at the end, and what counted too early', () => {
  const write = '1 openat(AT_FDCWD</>, "/d/a", O_WRONLY|O_CREAT, 0640) = 3</d/a>\n1 write(3</d/a>, ""..., 5) = 5\n';
  const name = '1 rename("/d/a", "/d/b") = 0\n';
  const flush = '1 fsync(3</d/a>) = 0\n';
  const folder = '1 fsync(4</d>) = 0\n';
  assert.equal(disorder(`${write}${flush}${name}${folder}`, '/d'), []);
  assert.match(disorder(`${write}${name}${folder}`, '/d').join(), /\/d\/b got its name before \/d\/a/);
  assert.match(disorder(`${write}${flush}${name}`, '/d').join(), /at the end \/d was not/);
  const done = '1 unlink("/d/mark") = 0\n';
  assert.match(disorder(`${write}${flush}${done}${folder}`, '/d', '/d/mark').join(), /counted as done before \/d was/);
});

test('a backup and a restore: nothing counts before it is on the disk', async ({ dir }) => {
  const [from, to, backups] = ['from', 'to', 'backups'].map((name) => join(dir, name));
  assert.ok(from !== undefined && to !== undefined && backups !== undefined);
  await hubOf(from, 50);
  mkdirSync(backups);
  const pass = join(dir, 'pass');
  writeFileSync(pass, `${PASSPHRASE}\n`, { mode: 0o600 });
  const flags = ['--passphrase-file', pass, '--state'];
  const node = [process.execPath, FRONT_DOOR];
  assert.equal(disorder(traced(dir, ...node, 'backup', backups, ...flags, from), backups), []);
  const backup = join(backups, readdirSync(backups)[0] ?? '');
  // Into a folder that is not there, and then over the store that is.
  for (const more of [[], ['--replace']]) {
    const trace = traced(dir, ...node, 'restore', backup, ...more, ...flags, to);
    assert.equal(disorder(trace, to, restoringFile(stateFolder(to))), []);
  }
});

/** install.sh as on a host: what it changes lies in folders of its own namespace. */
const AS_A_HOST = `
set -e
for at in opt usr etc var/lib; do
  mkdir -p "$1/$at.upper" "$1/$at.work"
  mount -t overlay overlay -o "lowerdir=/$at,upperdir=$1/$at.upper,workdir=$1/$at.work" "/$at"
done
shift
exec "$@"
`;

test('install.sh, the first time and over another: no name is given before its content is on the disk', ({ dir }) => {
  const disk = join(dir, 'disk');
  mkdirSync(disk);
  for (const version of ['1.0.0', '1.1.0']) {
    const script = join(unpacked(dir, version), 'install.sh');
    const argv = ['unshare', '--mount', 'sh', '-c', AS_A_HOST, 'sh', disk, 'sh', script, 'both'];
    const trace = traced(dir, ...argv);
    for (const root of ['/opt', '/usr/lib/systemd', '/usr/lib/sysusers.d']) {
      const found = disorder(trace, root).filter(
        (one) => !/^at the end \/opt\/sentinel-\w+(?:, \/opt\/sentinel-\w+)? was/.test(one),
      );
      assert.equal(found, []);
    }
  }
});

test.run();
