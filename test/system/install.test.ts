import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fileOf } from '../../pack/archive.ts';
import { writeDeb } from '../../pack/debian.ts';
import { Installed } from './installed.ts';
import { stickOf, VERSIONS } from './releases.ts';
import { type BootedSystem, bootSystemd } from './systemd-root.ts';

/** What a technician does with a stick and no network, from the first install to the last trace, under a real systemd. */
const test = suite<{ dir: string; system: BootedSystem }>('install');
const STICK = '/media/stick';
const [NOW, NEXT] = VERSIONS;

test.before(async (context) => {
  context.dir = mkdtempSync('/var/tmp/sentinel-test-install-');
  stickOf(join(context.dir, 'stick'));
  // Debian 12's own nodejs is too old, and this root has none: the binary is bound, and this stands for its package.
  const nodejs = { name: 'nodejs', version: process.versions.node, architecture: 'all', depends: 'libc6' } as const;
  const empty = { description: ['Node.js'], conffiles: [], scripts: {} } as const;
  const entries = [fileOf('usr/share/nodejs/README', 'bound\n')];
  await writeDeb(join(context.dir, 'stick/nodejs.deb'), { ...nodejs, ...empty, entries }, 1_700_000_000);
  mkdirSync(join(context.dir, 'spool'), { mode: 0o755 });
  mkdirSync(join(context.dir, 'backups'));
});
test.before.each(async (context) => {
  context.system = await boot(context.dir);
});
test.after.each(async ({ system }) => system?.stop());
test.after(({ dir }) => rmSync(dir, { recursive: true, force: true }));

const boot = (dir: string) =>
  bootSystemd([
    { from: process.execPath, to: '/usr/bin/node' },
    { from: join(dir, 'stick'), to: STICK },
    // Not in the booted root: on an overlay a file may say that it is on another device than its folder.
    { from: join(dir, 'spool'), to: '/srv/spool', writable: true },
    { from: join(dir, 'backups'), to: '/var/backups/sentinel', writable: true },
  ]);

/** Each version on a stick of its own, as docs/install.md has it. */
const stick = (version: string) => ({ STICK: `${STICK}/${version}`, VERSION: version, NEWER: version });
const install = (host: Installed, version: string) => host.documented('Upgrade, and back', 0, stick(version));

const traces = (host: Installed) =>
  host
    .must(
      'sh',
      '-c',
      "find / -xdev -iname '*sentinel*' ! -path '/root/*' ! -path '/tmp/*'; grep -h sentinel /etc/passwd /etc/group || true",
    )
    .split('\n')
    .filter((line) => line !== '' && line !== '/var/backups/sentinel');

const mode = (host: Installed, path: string) => host.must('stat', '-c', '%a %U:%G', path).trim();

/** The version that the running hub is of: its modules are mapped from the folder that it was started in. */
const runs = (host: Installed) => {
  const maps = host.must('cat', `/proc/${host.property('sentinel-hub', 'MainPID')}/maps`);
  return /\/opt\/sentinel-hub\/releases\/([\d.]+)-/.exec(maps)?.[1];
};

test('the tarball: installed, a fault mended, another version and back, backed up, restored elsewhere', async ({
  system,
  dir,
}) => {
  const host = new Installed(system);
  host.documented('The hub', 0, stick(NOW));
  host.documented('A host', 1, stick(NOW));
  assert.is(mode(host, '/var/lib/sentinel-hub'), '750 sentinel:sentinel-operators');
  assert.is(mode(host, '/etc/sentinel-agent/agent.env'), '640 root:root');
  const units = [
    'sentinel-hub.service',
    'sentinel-agent.service',
    'sentinel-exec.service',
    'sentinel-backup.timer',
  ].map((name) => `/usr/lib/systemd/system/${name}`);
  const verified = system.run(['systemd-analyze', 'verify', ...units]);
  assert.is(verified.status, 0, verified.stderr);
  assert.not.match(verified.stderr, /sentinel/);
  // There is no site yet: it waits, and has not failed.
  host.must('systemctl', 'start', 'sentinel-hub');
  assert.is(host.property('sentinel-hub', 'ConditionResult'), 'no');

  await host.begin();
  await host.mends();
  const exposure = /exposure level for \S+: ([\d.]+)/.exec(
    system.run(['systemd-analyze', 'security', 'sentinel-hub']).stdout,
  );
  console.log(`exposure: hub ${exposure?.[1]}`);
  assert.ok(Number(exposure?.[1]) <= 3.5);
  assert.is(mode(host, '/var/lib/sentinel-hub/keys'), '700 sentinel:sentinel-operators');
  assert.is(mode(host, '/var/lib/sentinel-hub/hub/store/data.mdb'), '640 sentinel:sentinel-operators');
  assert.is(mode(host, '/var/lib/sentinel-hub/hub/act.sock'), '660 sentinel:sentinel-operators');
  assert.is(mode(host, '/var/lib/sentinel-exec'), '700 root:root');

  host.write('/run/backup.pass', 'four other words here\n');
  host.documented('A backup each night', 0, { BACKUP_PASS: '/run/backup.pass' });
  assert.match(host.must('journalctl', '-u', 'sentinel-backup', '-o', 'cat'), /can be put back/);
  const [backup] = readdirSync(join(dir, 'backups'));
  assert.match(backup ?? '', /^sentinel-\w+Z$/);
  const mended = host.incidents();

  // Another version and back, while it works.
  for (const version of [NEXT, NOW]) {
    const main = host.property('sentinel-hub', 'MainPID');
    const said = install(host, version);
    assert.match(said, /hub\.env stays as it is/);
    assert.is.not(host.property('sentinel-hub', 'MainPID'), main);
    assert.is(runs(host), version);
    assert.equal(host.incidents(), mended);
    await host.until(
      () =>
        system
          .run(['sentinel', 'doctor', '--state', '/var/lib/sentinel-hub', '--json'])
          .stdout.split('\n')
          .find((line) => /"check":"agents","ok":true/.test(line)),
      'the agent of this version',
    );
  }
  await host.mends();

  const other = await boot(dir);
  try {
    const standby = new Installed(other);
    install(standby, NOW);
    standby.write('/run/pass', 'four other words here\n');
    standby.must('chown', 'sentinel', '/run/pass');
    standby.sentinel('restore', `/var/backups/sentinel/${backup}`, '--passphrase-file', '/run/pass');
    standby.must('systemctl', 'start', 'sentinel-hub');
    assert.equal(standby.incidents(), mended);
    assert.match(standby.sentinel('audit', 'verify'), /approvals, each signed/);
  } finally {
    await other.stop();
  }

  const left = host.documented('Taking it off', 0);
  assert.equal(
    traces(host).filter((path) => /^\/(?:opt|usr)/.test(path)),
    [],
  );
  assert.match(left, /left: \/var\/lib\/sentinel-hub/);
  host.documented('Taking it off', 1, stick(NOW));
  assert.equal(traces(host), []);
});

test('the packages: installed, a fault mended, upgraded, purged', async ({ system }) => {
  const host = new Installed(system);
  const debs = (version: string) =>
    readdirSync(system.path(`${STICK}/${version}`))
      .filter((name) => name.endsWith('.deb'))
      .map((name) => `${STICK}/${version}/${name}`);
  host.must('dpkg', '-i', `${STICK}/nodejs.deb`);
  host.must('dpkg', '-i', ...debs(NOW));
  assert.equal(host.must('dpkg', '--verify', 'sentinel-hub', 'sentinel-agent'), '');
  const folder = `sentinel-${NEXT}-linux-${process.arch}`;
  host.must('tar', 'xzf', `${STICK}/${NEXT}/${folder}.tar.gz`, '-C', '/root');
  const tarball = system.run(['sh', `/root/${folder}/install.sh`, 'hub']);
  assert.is(tarball.status, 2);
  assert.match(tarball.stderr, /E_PACKAGED/);
  await host.begin();
  await host.mends();
  host.must('dpkg', '-i', ...debs(NEXT));
  assert.is(host.must('sed', '-n', '1p', '/etc/sentinel-hub/hub.env').trim(), 'SENTINEL_HUB_OPTIONS=--live');
  assert.is(runs(host), NEXT);
  await host.mends();
  assert.is(mode(host, '/etc/sentinel-agent/agent.env'), '640 root:root');
  // Settings that somebody took away stay away, and hinder nothing.
  host.must('rm', '/etc/sentinel-hub/hub.env', '/etc/sentinel-agent/exec.env');
  host.must('mkdir', '-p', '/etc/systemd/system/sentinel-hub.service.d');
  host.must('dpkg', '-i', ...debs(NEXT));
  host.must('dpkg', '--remove', 'sentinel-hub', 'sentinel-agent');
  assert.is(host.isActive('sentinel-hub'), false);
  host.must('dpkg', '--purge', 'sentinel-hub', 'sentinel-agent');
  assert.equal(
    traces(host).filter((path) => !path.startsWith('/var/lib/dpkg')),
    [],
  );
});

test.run();
