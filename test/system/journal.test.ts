import { realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type BootedSystem, bootSystemd } from './systemd-root.ts';

/** A real systemd, a real journald, a real OOM kill: what an agent says of them, as incidents of a real hub. */
const test = suite<{ system: BootedSystem }>('journal and units');

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const DOOR = ['/opt/node', join(ROOT, 'dist/sentinel.js')];
const STATE = ['--state', '/srv/state'];
/** On a busy machine systemd, journald and two Node processes share what is left. */
const PATIENCE_MS = 180_000;

test.before(async (context) => {
  const modules = realpathSync(join(ROOT, 'node_modules'));
  const system = await bootSystemd([
    { from: process.execPath, to: '/opt/node' },
    { from: ROOT, to: ROOT },
    ...(modules.startsWith(ROOT) ? [] : [{ from: modules, to: modules }]),
  ]);
  context.system = system;
  system.run(['mkdir', '-p', '/srv/state/agent/watch.d']);
  writeFileSync(system.path('/srv/state/agent/watch.d/units.yaml'), 'version: 1\nunits: {ignore: [ignored.service]}\n');
  unit(system, 'the-hub', ...DOOR, 'hub', ...STATE);
  await said(system, 'the-hub', /ready address=/);
  startAgent(system, 'first-agent');
  await said(system, 'first-agent', /watching this host/);
  await said(system, 'the-hub', /agent is here/);
});
// Without a boot there is nothing to stop, and its error is what must be seen.
test.after((context) => (context as Partial<typeof context>).system?.stop());

const unit = (system: BootedSystem, name: string, ...args: string[]) =>
  system.run(['systemd-run', '--quiet', `--unit=${name}`, ...args]);
const startAgent = (system: BootedSystem, name: string) =>
  unit(system, name, ...DOOR, 'agent', '--id', 'booted', '--interval', '1', ...STATE);

/** Waits until a unit of ours has logged it. */
async function said(system: BootedSystem, name: string, what: RegExp): Promise<string> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const { stdout } = system.run(['journalctl', '--output=cat', `--unit=${name}`]);
    const found = what.exec(stdout);
    if (found !== null) return found[0];
    if (performance.now() > end) throw new Error(`${name} never said ${what}: ${stdout.slice(-3_000)}`);
    await sleep(300);
  }
}

test('a unit that fails is an incident that names it; one that the site ignores is none', async ({ system }) => {
  unit(system, 'ignored', 'false');
  unit(system, 'historian', 'sh', '-c', 'echo cannot open /data; exit 3');
  await said(system, 'the-hub', /open {2}unit failed: historian\.service/);
  const { stdout } = system.run([...DOOR, 'incident', 'list', '--json', ...STATE]);
  assert.match(stdout, /historian\.service/);
  assert.not.match(stdout, /ignored\.service/);
});

test('a unit that is well again ends its incident', async ({ system }) => {
  system.run(['systemctl', 'reset-failed', 'historian']);
  // Nothing is logged of it: the next question to systemd, within a minute, says so.
  await said(system, 'first-agent', /recovery: The unit historian\.service/);
});

test('a loop of restarts is an incident before systemd gives the unit up', async ({ system }) => {
  const loop = ['-p', 'Restart=always', '-p', 'RestartSec=200ms', '-p', 'StartLimitBurst=1000'];
  unit(system, 'loop', ...loop, 'false');
  await said(system, 'the-hub', /open {2}unit restarts all the time: loop\.service/);
  system.run(['systemctl', 'stop', 'loop']);
});

test('a kill for want of memory names its victim', async ({ system }) => {
  unit(system, 'hog', '-p', 'MemoryMax=20M', '-p', 'MemorySwapMax=0', 'tail', '/dev/zero');
  await said(system, 'the-hub', /(?:open|joined) {2}killed for want of memory: tail/);
});

test('what happened while the agent was away is told when it is back: it goes on at its cursor', async ({ system }) => {
  system.run(['systemctl', 'stop', 'first-agent']);
  system.run(['cp', '/usr/bin/tail', '/usr/local/bin/meanwhile']);
  const bounds = ['-p', 'MemoryMax=20M', '-p', 'MemorySwapMax=0'];
  system.run(['systemd-run', '--quiet', '--wait', ...bounds, '/usr/local/bin/meanwhile', '/dev/zero']);
  startAgent(system, 'second-agent');
  // The hub may join it to the kill before.
  await said(system, 'second-agent', /anomaly: Kills of meanwhile for want of memory/);
  const children = system.run(['sh', '-c', 'cat /proc/[0-9]*/comm']).stdout.split('\n');
  assert.is(children.filter((comm) => comm === 'journalctl').length, 1, 'one reader, and none left of the first agent');
});

test.run();
