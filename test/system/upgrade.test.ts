import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { newKeyPair, readKeyPair } from '../../broker/keys.ts';
import { makeRelease, writeReleaseFile } from '../../broker/release.ts';
import { blocksOf } from './doc-blocks.ts';
import { Installed } from './installed.ts';
import { publicKeyOf, stickOf, VERSIONS } from './releases.ts';
import { type BootedSystem, bootSystemd } from './systemd-root.ts';

/** Another version of the agent, over the mesh, onto a host that was installed from the tarball, under a real systemd. */
const test = suite<{ dir: string; system: BootedSystem }>('upgrade over the mesh');
const STICK = '/media/stick';
const [NOW, NEXT] = VERSIONS;
const BROKEN = NEXT.replace(/\d+$/, (last) => String(Number(last) + 1));
const BUNDLE = '/opt/sentinel-agent/sentinel-agent.cjs';

test.before(async (context) => {
  context.dir = mkdtempSync('/var/tmp/sentinel-test-upgrade-');
  const { dir } = context;
  stickOf(join(dir, 'stick'));
  const key = readKeyPair(join(dir, 'stick/release.pem'));
  writeFileSync(join(dir, 'stick/release.pub.pem'), publicKeyOf(join(dir, 'stick/release.pem')));
  // Well signed, and no agent at all: it ends as soon as it is started.
  const code = Buffer.from(`console.log('broken ${BROKEN}'); process.exit(3);\n`);
  const broken = makeRelease({ version: BROKEN, label: `{"version":"${BROKEN}"}\n`, code }, key);
  writeFileSync(join(dir, 'stick/broken.upgrade'), writeReleaseFile(broken));
  writeFileSync(
    join(dir, 'stick/forged.upgrade'),
    writeReleaseFile(makeRelease({ version: BROKEN, label: '{}\n', code }, newKeyPair())),
  );
  mkdirSync(join(dir, 'spool'), { mode: 0o755 });
  context.system = await bootSystemd([
    { from: process.execPath, to: '/usr/bin/node' },
    { from: join(dir, 'stick'), to: STICK },
    { from: join(dir, 'spool'), to: '/srv/spool', writable: true },
  ]);
});
test.after(async (context) => {
  const { system, dir } = context as Partial<typeof context>;
  await system?.stop();
  if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
});

interface Status {
  readonly version: string;
  readonly state: string;
  readonly why: string;
  readonly hosts: readonly { readonly agent: string; readonly state: string; readonly code: string }[];
}

const stick = (version: string) => ({ STICK: `${STICK}/${version}`, VERSION: version });

/** A block of docs/upgrade.md, word for word. */
function documented(host: Installed, heading: string, env: Readonly<Record<string, string>> = {}): string {
  const block = blocksOf('docs/upgrade.md').find((one) => one.heading === heading);
  assert.ok(block !== undefined, `docs/upgrade.md has no block under ${heading}`);
  return host.must(
    'env',
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    'sh',
    '-e',
    '-c',
    block.code,
  );
}

const upgrade = (host: Installed, file: string, ...flags: readonly string[]): string =>
  host.sentinel('upgrade', `${STICK}/${file}`, '--group', 'host:booted', ...flags);

function statusOf(host: Installed): Status {
  const asked = ['runuser', '-u', 'sentinel', '--', 'sentinel', 'upgrade', 'status', '--json'];
  return JSON.parse(host.system.run([...asked, '--state', '/var/lib/sentinel-hub']).stdout);
}

async function ended(host: Installed): Promise<string> {
  const { state, hosts } = await host.until(() => {
    const status = statusOf(host);
    return status.state === 'running' ? undefined : status;
  }, 'the end of the upgrade');
  return [state, ...hosts.map((one) => `${one.agent} ${one.state} ${one.code}`.trim())].join(', ');
}

const installed = (host: Installed): string => JSON.parse(host.must('cat', '/opt/sentinel-agent/RELEASE.json')).version;

test('off until root says otherwise; then a version comes through, a broken one goes back, and all is on record', async ({
  system,
}) => {
  const host = new Installed(system);
  host.documented('The hub', 0, stick(NEXT));
  host.documented('A host', 1, stick(NOW));
  await host.begin();
  // An agent and an executor of the version before work with this hub.
  await host.mends();
  const file = `${NEXT}/sentinel-agent_${NEXT}.upgrade`;
  upgrade(host, file);
  assert.is(await ended(host), 'done, booted cannot');
  assert.is(installed(host), NOW);

  // From here on its hub speaks of another start.
  const on = new Installed(system);
  documented(host, 'Switching it on', { STICK });
  await on.says(/agent is here/);
  const said = documented(host, 'Bringing a version', { STICK: `${STICK}/${NEXT}`, NEWER: NEXT, HOST: 'booted' });
  assert.match(said, new RegExp(`the upgrade to ${NEXT.replaceAll('.', '\\.')} has begun`));
  assert.is(await ended(host), 'done, booted done');
  assert.is(installed(host), NEXT);
  assert.match(host.must('cat', BUNDLE).slice(0, 100), /node/);
  assert.is(host.must('stat', '-c', '%a %U:%G', BUNDLE).trim(), '644 root:root');
  await host.until(() => (host.isActive('sentinel-upgrade') ? undefined : true), 'the guard to end');
  await host.mends();

  upgrade(host, 'forged.upgrade');
  assert.is(await ended(host), 'stopped, booted refused E_SIGNATURE');
  const own = `${NOW}/sentinel-agent_${NOW}.upgrade`;
  upgrade(host, own);
  assert.is(await ended(host), 'stopped, booted refused E_UPGRADE_OLD');
  assert.is(installed(host), NEXT);

  const broken = new Installed(system);
  upgrade(host, 'broken.upgrade', '--within', '15');
  await broken.says(new RegExp(`broken ${BROKEN.replaceAll('.', '\\.')}`));
  assert.is(installed(host), BROKEN);
  const switches = (count: number) =>
    host.until(
      () => (broken.told(5_000).match(/put a new version over/g)?.length ?? 0) >= count || undefined,
      `${count} starts of the guard`,
    );
  // What sees it through is killed, and goes on from there.
  await switches(1);
  host.must('systemctl', 'kill', '-s', 'KILL', 'sentinel-upgrade');
  await switches(2);
  // And as the host's next start does it: the path's unit looks, and finds that something is under way.
  host.must('systemctl', 'stop', 'sentinel-upgrade.path', 'sentinel-upgrade.service');
  host.must('systemctl', 'start', 'sentinel-upgrade.path');
  await switches(3);
  assert.is(await ended(host), 'stopped, booted returned E_UPGRADE_UNHEARD');
  assert.is(installed(host), NEXT);
  await host.mends();

  upgrade(host, own, '--downgrade');
  assert.is(await ended(host), 'done, booted done');
  assert.is(installed(host), NOW);

  // The hub knows of the end before the guard, which looks now and then, has noted it.
  await host.until(() => (host.isActive('sentinel-upgrade') ? undefined : true), 'the guard to end');
  const record = host.must('cat', '/var/lib/sentinel-exec/exec/audit.jsonl');
  const kinds = [...record.matchAll(/"what":"upgrade_(\w+)"/g)].map(([, what]) => what);
  assert.equal(kinds, [
    ...['taken', 'switched', 'confirmed'],
    ...['taken', 'switched', 'switched', 'switched', 'returned'],
    ...['taken', 'switched', 'confirmed'],
  ]);
  assert.match(host.sentinel('audit', 'verify'), /approvals, each signed/);
});

test.run();
