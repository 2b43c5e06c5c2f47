import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeLocalSite } from '../../broker/enroll.ts';
import { prepareFolder, stateFolder } from '../../broker/state-folder.ts';
import { COUNTING_PLAYBOOK } from '../e2e/counting-playbook.ts';
import { type BootedSystem, bootSystemd } from './systemd-root.ts';

/** The bundle and its units, installed as a package would, under a real systemd. */
const test = suite<{ system: BootedSystem; dir: string }>('installed units');
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const NODE = '/usr/bin/node';
const BUNDLE = '/opt/sentinel-agent/sentinel-agent.cjs';
const PATIENCE_MS = 120_000;

test.before(async (context) => {
  context.dir = mkdtempSync('/var/tmp/sentinel-test-units-');
  const built = spawnSync(NODE_HERE, [
    join(ROOT, 'build-agent.mjs'),
    '--out',
    join(context.dir, 'opt/sentinel-agent.cjs'),
  ]);
  assert.is(built.status, 0, built.stderr?.toString());
  // The hub's site, made here: its agent is enrolled by being made with it.
  const site = stateFolder(join(context.dir, 'site'));
  prepareFolder(site);
  makeLocalSite(site, 'booted');
  mkdirSync(site.playbooks, { recursive: true });
  writeFileSync(join(site.playbooks, 'folder-full.yaml'), COUNTING_PLAYBOOK);
  mkdirSync(join(context.dir, 'spool'), { mode: 0o755 });
  context.system = await bootSystemd([
    { from: process.execPath, to: NODE },
    { from: join(context.dir, 'opt'), to: '/opt/sentinel-agent' },
    { from: join(ROOT, 'dist'), to: '/opt/hub/dist' },
    { from: realpathSync(join(ROOT, 'node_modules')), to: '/opt/hub/node_modules' },
    { from: join(context.dir, 'site'), to: '/srv/site', writable: true },
    // Not in the booted root: on an overlay a file may say that it is on another device than its folder.
    { from: join(context.dir, 'spool'), to: '/srv/spool', writable: true },
  ]);
  install(context.system);
});
test.after(async (context) => {
  const { system, dir } = context as Partial<typeof context>;
  await system?.stop();
  if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
});

const NODE_HERE = process.execPath;

function must(system: BootedSystem, ...argv: string[]): string {
  const { status, stdout, stderr } = system.run(argv);
  assert.is(status, 0, `${argv.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

function install(system: BootedSystem): void {
  const units = join(ROOT, 'agent/units');
  for (const unit of readdirSync(units).filter((name) => /\.(?:service|socket|path)$/.test(name)))
    cpSync(join(units, unit), system.path(`/etc/systemd/system/${unit}`));
  mkdirSync(system.path('/usr/lib/sysusers.d'), { recursive: true });
  cpSync(join(units, 'sentinel-agent.sysusers'), system.path('/usr/lib/sysusers.d/sentinel-agent.conf'));
  must(system, 'systemd-sysusers');
  mkdirSync(system.path('/etc/sentinel-agent/watch.d'), { recursive: true });
  // The machine that tests is busy, which is no trouble of this test's.
  const watch =
    'version: 1\nfolders:\n  - name: spool\n    path: /srv/spool\n    quota_mib: 1\nsenses:\n  load: off\n  cpu: off\n';
  writeFileSync(system.path('/etc/sentinel-agent/watch.d/spool.yaml'), watch);
  const options = '--live --id booted --interval 0.5 --broker mqtt://127.0.0.1:1883';
  writeFileSync(system.path('/etc/sentinel-agent/agent.env'), `SENTINEL_AGENT_OPTIONS=${options}\n`);
  writeFileSync(system.path('/etc/sentinel-agent/exec.env'), 'SENTINEL_EXEC_OPTIONS=--live\n');
  // What an agent of the hub's own site has: the site's file, its key and its secret.
  must(system, 'mkdir', '-p', '/var/lib/sentinel-agent/keys');
  must(system, 'cp', '/srv/site/site.json', '/var/lib/sentinel-agent/');
  for (const name of ['agent-booted.pem', 'agent-booted.secret'])
    must(system, 'cp', `/srv/site/keys/${name}`, '/var/lib/sentinel-agent/keys/');
  must(system, 'chown', '-R', 'sentinel-agent:sentinel-agent', '/var/lib/sentinel-agent');
  must(system, NODE, BUNDLE, 'exec', '--state', '/var/lib/sentinel-exec', '--pin', '/srv/site', '--id', 'booted');
  must(system, 'systemctl', 'daemon-reload');
}

async function until<T>(look: () => T | undefined, what: string, told: () => string): Promise<T> {
  for (const deadline = Date.now() + PATIENCE_MS; ; ) {
    const found = look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}\n${told()}`);
    await sleep(200);
  }
}

test('systemd reads them without a complaint, and finds the sensing one well confined', ({ system }) => {
  const names = ['sentinel-agent.service', 'sentinel-exec.service', 'sentinel-exec.socket'];
  const verified = system.run(['systemd-analyze', 'verify', ...names.map((name) => `/etc/systemd/system/${name}`)]);
  assert.is(verified.status, 0, verified.stderr);
  assert.is(
    verified.stderr
      .split('\n')
      .filter((line) => line.includes('sentinel'))
      .join('\n'),
    '',
  );
  const exposure = (unit: string) =>
    Number(/exposure level for \S+: ([\d.]+)/.exec(system.run(['systemd-analyze', 'security', unit]).stdout)?.[1]);
  console.log(`exposure: agent ${exposure('sentinel-agent.service')}, exec ${exposure('sentinel-exec.service')}`);
  assert.ok(exposure('sentinel-agent.service') <= 3);
});

test('nothing leaves the group that a service manager gave the executor, whatever a command does', ({ system }) => {
  // As the executor's unit has it.
  const service = [
    '--quiet',
    '--wait',
    '--pipe',
    '--collect',
    '-p',
    'Delegate=memory pids',
    '-p',
    'OOMPolicy=continue',
  ];
  const bounds = [NODE, '/opt/hub/dist/test/agent/bounds.test.js'];
  const argv = ['systemd-run', ...service, '-E', 'SENTINEL_TEST_DELEGATED=1', ...bounds];
  const { status, stdout, stderr } = system.run(argv, { timeout: 2 * PATIENCE_MS });
  assert.is(status, 0, `${stdout}${stderr}`);
  assert.match(stdout, /bounds: cgroup(?: with memory and pids|, watched)/);
});

test('an order runs as root through the executor, for an agent that is not root', async ({ system }) => {
  const cli = (...argv: string[]) => system.run([NODE, '/opt/hub/dist/sentinel.js', ...argv, '--state', '/srv/site']);
  const told = () => system.run(['journalctl', '-o', 'cat', '-n', '80', '--no-pager']).stdout;
  const hub = [NODE, '/opt/hub/dist/sentinel.js', 'hub', '--state', '/srv/site', '--port', '1883', '--live'];
  must(system, 'systemd-run', '--quiet', '--unit=hub', ...hub);
  await until(() => /ready address/.test(told()) || undefined, 'the hub', told);
  // There from the start: on a busy machine the next look at a folder may be a minute away.
  writeFileSync(system.path('/srv/spool/full.tmp'), Buffer.alloc(2 * 1_048_576, 1));
  must(system, 'systemctl', 'start', 'sentinel-exec.socket', 'sentinel-agent.service');
  await until(() => /agent is here.*live=true privileged=true/.test(told()) || undefined, 'a privileged agent', told);
  const newest = (...states: string[]) => {
    // A busy machine gives others too.
    const line = cli('incident', 'list', '--json')
      .stdout.split('\n')
      .find((one) => /spool/.test(one));
    if (line === undefined) return undefined;
    const incident: { id: string; state: string } = JSON.parse(line);
    return states.includes(incident.state) ? incident : undefined;
  };
  const { id } = await until(() => newest('proposed'), 'a proposal', told);
  const approved = cli('incident', 'approve', id, '--reviewed', 'all', '--yes');
  assert.is(approved.status, 0, approved.stderr);
  const ended = await until(() => newest('resolved', 'failed', 'escalated', 'outcome_unknown'), 'the end', told);
  assert.is(ended.state, 'resolved', told());
  const ran = readdirSync(system.path('/srv/spool')).filter((name) => name.startsWith('ran.'));
  assert.is(ran.length, 1);
  assert.is(statSync(system.path(`/srv/spool/${ran[0]}`)).uid, 0);
  const pid = must(system, 'systemctl', 'show', '-p', 'MainPID', '--value', 'sentinel-agent.service').trim();
  assert.not.match(readFileSync(system.path(`/proc/${pid}/status`), 'utf8'), /^Uid:\s0\s/m);
  assert.match(must(system, 'journalctl', '-u', 'sentinel-exec', '-o', 'cat'), /carries out orders.*live/);
  assert.is(must(system, 'stat', '-c', '%a %U %G', '/run/sentinel-exec/exec.sock').trim(), '660 root sentinel-agent');
});

test.run();
