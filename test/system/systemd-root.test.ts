import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type BootedSystem, bootSystemd } from './systemd-root.ts';

/** What the other tests with a real systemd build on: it boots, is apart from this machine, and leaves nothing. */
const test = suite<{ system: BootedSystem }>('a booted systemd');
test.before(async (context) => {
  context.system = await bootSystemd([{ from: process.execPath, to: '/opt/node' }]);
});
// Without a boot there is nothing to stop, and its error is what must be seen.
test.after((context) => (context as Partial<typeof context>).system?.stop());

test('runs units and journals them', ({ system }) => {
  const ran = system.run(['systemd-run', '--wait', '--quiet', '--unit=hello', 'echo', 'good morning']);
  assert.is(ran.status, 0, ran.stderr);
  system.run(['journalctl', '--sync']);
  assert.match(system.run(['journalctl', '--unit=hello', '-o', 'cat']).stdout, /good morning/);
  assert.is(system.run(['/opt/node', '-p', '6 * 7']).stdout.trim(), '42', 'a file of this machine runs inside');
});

test('is apart: own host name, own processes, no network but its loopback, kernel settings read-only', ({ system }) => {
  assert.is.not(system.run(['cat', '/proc/sys/kernel/hostname']).stdout.trim(), hostname());
  assert.is(system.run(['cat', '/proc/1/comm']).stdout.trim(), 'systemd');
  assert.is(readFileSync(system.path('/etc/hostname'), 'utf8').trim(), 'booted', 'its files are seen from here');
  assert.is(system.run(['cat', '/proc/self/net/route']).stdout.trim().split('\n').length, 1, 'no route leads out');
  assert.is.not(system.run(['sh', '-c', 'echo 1 > /proc/sys/vm/swappiness']).status, 0);
  assert.is.not(system.run(['sh', '-c', 'echo x > /opt/node']).status, 0, 'a bound file is read-only unless asked');
});

test('holds a unit to its memory limit', ({ system }) => {
  const args = ['-p', 'MemoryMax=20M', '-p', 'MemorySwapMax=0', 'tail', '/dev/zero'];
  assert.is.not(system.run(['systemd-run', '--wait', '--quiet', '--unit=hog', ...args]).status, 0);
  // With memory groups of version 1 systemd itself does not learn of it; the kernel's log, shared with this machine, does.
  system.run(['journalctl', '--sync']);
  assert.match(system.run(['journalctl', '-k', '-o', 'cat']).stdout, /hog\.service.*\n.*Killed process \d+ \(tail\)/);
});

test('leaves nothing when it ends', async () => {
  const second = await bootSystemd();
  const path = second.path('/');
  await second.stop();
  assert.not.ok(existsSync(path));
});

test.run();
