import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { roleFiles } from '../../pack/tree.ts';
import { unpacked } from './unpacked.ts';

/** install.sh and uninstall.sh with the real units, and a hub of one line, below a prefix. */
const test = suite<{ dir: string }>('install script');
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
test.before((context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'sentinel-install-'));
});
test.after(({ dir }) => rmSync(dir, { recursive: true, force: true }));

const sh = (script: string, ...argv: string[]) => {
  const { status, stdout, stderr } = spawnSync('sh', [script, ...argv], { encoding: 'utf8' });
  return { status, stdout, stderr };
};
const tree = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

test('twice is as once, settings stay, a newer one takes over and keeps the one before', ({ dir }) => {
  const prefix = join(dir, 'root');
  const [one, two, three] = ['1.0.0', '1.1.0', '1.2.0'].map((version) => unpacked(dir, version));
  const install = (folder = '') => sh(join(folder, 'install.sh'), 'both', '--prefix', prefix);
  const first = install(one);
  assert.is(first.status, 0, first.stderr);
  assert.match(first.stdout, /sentinel-hub 1\.0\.0 is in .*next: make a site/s);
  const before = tree(prefix);
  const options = join(prefix, 'etc/sentinel-hub/hub.env');
  assert.is(statSync(options).mode & 0o777, 0o640);
  writeFileSync(options, 'SENTINEL_HUB_OPTIONS=--live\n');
  const again = install(one);
  assert.is(again.status, 0, again.stderr);
  assert.match(again.stdout, /\/etc\/sentinel-hub\/hub\.env stays as it is/);
  assert.equal(tree(prefix), before);
  const runs = () => readFileSync(join(prefix, 'opt/sentinel-hub/current/dist/sentinel.js'), 'utf8');
  assert.is(runs(), '1.0.0');
  assert.is(readlinkSync(join(prefix, 'usr/bin/sentinel')), '/opt/sentinel-hub/bin/sentinel');
  install(two);
  install(three);
  assert.is(runs(), '1.2.0');
  assert.is(readFileSync(options, 'utf8'), 'SENTINEL_HUB_OPTIONS=--live\n');
  const kept = readdirSync(join(prefix, 'opt/sentinel-hub/releases')).map((name) => name.split('-')[0]);
  assert.equal(kept, ['1.1.0', '1.2.0']);
  // The way back is the older one's installer.
  assert.is(install(two).status, 0);
  assert.is(runs(), '1.1.0');
});

test('a tarball that is not whole changes nothing', ({ dir }) => {
  const prefix = join(dir, 'spoiled');
  const folder = unpacked(dir, '2.0.0');
  appendFileSync(join(folder, 'hub/opt/dist/sentinel.js'), 'x');
  const { status, stderr } = sh(join(folder, 'install.sh'), 'hub', '--prefix', prefix);
  assert.is(status, 2);
  assert.match(stderr, /E_SUMS/);
  assert.not.ok(existsSync(prefix));
  for (const argv of [[], ['web'], ['hub', '--prefix'], ['hub', '--prefix', ''], ['hub', '--prefix', '/']]) {
    const refused = sh(join(folder, 'install.sh'), ...argv);
    assert.is(refused.status, 2);
    assert.match(refused.stderr, /E_USAGE/);
  }
  // Without a role: one that took it for this host would do nothing here either.
  for (const empty of ['', '/'])
    assert.match(
      sh(join(folder, 'uninstall.sh'), '--purge', '--prefix', empty).stderr,
      /E_USAGE: --prefix takes a folder/,
    );
});

test('two at once would take the files from each other: the second is refused', ({ dir }) => {
  const prefix = join(dir, 'busy');
  const folder = unpacked(dir, '2.1.0');
  mkdirSync(join(prefix, 'opt'), { recursive: true });
  for (const name of ['install.sh', 'uninstall.sh']) {
    const argv = [join(prefix, 'opt'), 'sh', join(folder, name), 'hub', '--prefix', prefix];
    const { status, stderr } = spawnSync('flock', argv, { encoding: 'utf8' });
    assert.is(status, 2);
    assert.match(stderr, /E_BUSY/);
  }
  assert.equal(tree(prefix), ['opt']);
});

test('uninstall leaves settings and state, and says so; with --purge nothing', ({ dir }) => {
  const prefix = join(dir, 'leaves');
  const folder = unpacked(dir, '3.0.0');
  sh(join(folder, 'install.sh'), 'both', '--prefix', prefix);
  mkdirSync(join(prefix, 'var/lib/sentinel-hub'), { recursive: true });
  writeFileSync(join(prefix, 'var/lib/sentinel-hub/site.json'), '{}');
  const files = () => tree(prefix).filter((path) => lstatSync(join(prefix, path)).isFile());
  const left = sh(join(prefix, 'opt/sentinel-hub/uninstall.sh'), 'both', '--prefix', prefix);
  assert.is(left.status, 0, left.stderr);
  assert.match(left.stdout, /left: .*\/etc\/sentinel-hub.*left: .*\/var\/lib\/sentinel-hub/s);
  assert.equal(files(), [
    ...['etc/sentinel-agent/agent.env', 'etc/sentinel-agent/exec.env'],
    ...['etc/sentinel-hub/backup.env', 'etc/sentinel-hub/hub.env', 'var/lib/sentinel-hub/site.json'],
  ]);
  const edited = join(prefix, 'etc/systemd/system/sentinel-hub.service.d');
  mkdirSync(edited, { recursive: true });
  writeFileSync(join(edited, 'override.conf'), '[Service]\n');
  assert.is(sh(join(folder, 'uninstall.sh'), 'both', '--purge', '--prefix', prefix).status, 0);
  assert.equal(files(), []);
});

test('settings, in which a secret may stand, are packed for root and its group alone', () => {
  for (const role of ['hub', 'agent'] as const) {
    const settings = roleFiles(ROOT, role).filter(({ path }) => path.startsWith('etc/'));
    assert.ok(settings.length > 0);
    for (const entry of settings) assert.is(entry.kind === 'file' && entry.mode, 0o640, entry.path);
  }
});

/** Stands for `sentinel`: a backup, and a restore of it that says which files lie where the backups do. */
const RESTORES = `#!/bin/sh
case $1 in
  backup) mkdir "$2/copy" && echo "$2/copy: a site" ;;
  restore)
    mkdir -p "$4/keys" "$4/hub/store"
    echo secret > "$4/keys/hub.pem"
    echo data > "$4/hub/store/data.mdb"
    cd "$BACKUPS" && find . -type f > "$SEEN" ;;
esac
`;

test('the nightly look at a backup lays no open key where the backups lie, and leaves nothing', ({ dir }) => {
  const [bin, run, backups] = ['bin', 'run', 'backups of the night'].map((name) => join(dir, 'night', name));
  assert.ok(bin !== undefined && run !== undefined && backups !== undefined);
  for (const folder of [bin, run, backups]) mkdirSync(folder, { recursive: true });
  cpSync(join(ROOT, 'pack/scripts/sentinel-backup'), join(bin, 'sentinel-backup'));
  writeFileSync(join(bin, 'sentinel'), RESTORES, { mode: 0o755 });
  const env = { ...process.env, RUNTIME_DIRECTORY: run, BACKUPS: backups, SEEN: join(dir, 'night/seen') };
  const { status, stdout, stderr } = spawnSync('sh', [join(bin, 'sentinel-backup'), backups], {
    encoding: 'utf8',
    env,
  });
  assert.is(status, 0, stderr);
  assert.match(stdout, /copy can be put back/);
  assert.is(readFileSync(env.SEEN, 'utf8'), './.restored/store/data.mdb\n');
  assert.equal(readdirSync(backups), ['copy']);
  assert.equal(readdirSync(run), []);
});

/** Kills spread over the time that it takes when nobody kills it. */
const ROUNDS = 8;

test('cut short anywhere, the release in force is whole, and the same command ends it', async ({ dir }) => {
  const prefix = join(dir, 'cut');
  const versions = ['4.0.0', '4.1.0'].map((version) => unpacked(dir, version));
  const install = (folder = '') => sh(join(folder, 'install.sh'), 'both', '--prefix', prefix);
  const began = performance.now();
  assert.is(install(versions[0]).status, 0);
  const takes = performance.now() - began;
  const current = join(prefix, 'opt/sentinel-hub/current');
  let cut = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const next = versions[round % 2];
    const argv = [join(next ?? '', 'install.sh'), 'both', '--prefix', prefix];
    const child = spawn('sh', argv, { stdio: 'ignore', detached: true });
    const ended = once(child, 'exit');
    await Promise.race([ended, sleep((takes * round) / ROUNDS)]);
    try {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      // It ended by itself in between.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
    await ended;
    if (child.signalCode === 'SIGKILL') cut++;
    const said = readFileSync(join(current, 'dist/sentinel.js'), 'utf8');
    assert.ok(readlinkSync(current).startsWith(`releases/${said}-`), `${readlinkSync(current)} holds ${said}`);
    assert.is(readFileSync(join(current, 'bin/sentinel'), 'utf8'), said);
    assert.match(readFileSync(join(prefix, 'opt/sentinel-agent/sentinel-agent.cjs'), 'utf8'), /^4\.[01]\.0$/);
    assert.is(install(next).status, 0);
    assert.ok(next?.endsWith(readFileSync(join(current, 'dist/sentinel.js'), 'utf8')));
    assert.equal(
      tree(prefix).filter((path) => path.endsWith('.new')),
      [],
    );
  }
  assert.ok(cut > 0, 'every kill came too late');
});

test.run();
