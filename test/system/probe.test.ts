import { realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type BootedSystem, bootSystemd } from './systemd-root.ts';

/** Questions about units to an agent beside a real systemd and a real journal. */
const test = suite<{ system: BootedSystem }>('probes of a real systemd');

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const DOOR = ['/opt/node', join(ROOT, 'dist/sentinel.js')];
const STATE = ['--state', '/srv/state'];
const PATIENCE_MS = 120_000;

test.before(async (context) => {
  const modules = realpathSync(join(ROOT, 'node_modules'));
  const system = await bootSystemd([
    { from: process.execPath, to: '/opt/node' },
    { from: ROOT, to: ROOT },
    ...(modules.startsWith(ROOT) ? [] : [{ from: modules, to: modules }]),
  ]);
  context.system = system;
  const script = "ExecStart=/bin/sh -c 'echo cannot open /data, password=hunter2hunter2; exit 3'";
  writeFileSync(system.path('/etc/systemd/system/historian.service'), `[Service]\n${script}\n`);
  system.run(['systemctl', 'daemon-reload']);
  system.run(['systemd-run', '--quiet', '--unit=the-hub', ...DOOR, 'hub', ...STATE]);
  await said(system, 'the-hub', /ready address=/);
  const agent = [...DOOR, 'agent', '--id', 'booted', '--interval', '1', ...STATE];
  system.run(['systemd-run', '--quiet', '--unit=the-agent', ...agent]);
  await said(system, 'the-hub', /agent is here/);
});
// Without a boot there is nothing to stop, and its error is what must be seen.
test.after((context) => (context as Partial<typeof context>).system?.stop());

/** Waits until a unit of ours has logged it. */
async function said(system: BootedSystem, name: string, what: RegExp): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; ; await sleep(300)) {
    const { stdout } = system.run(['journalctl', '--output=cat', `--unit=${name}`]);
    if (what.test(stdout)) return;
    if (performance.now() > end) throw new Error(`${name} never said ${what}: ${stdout.slice(-3_000)}`);
  }
}

test('of a unit that failed: its state and its last lines, without the secrets in them', async ({ system }) => {
  system.run(['systemctl', 'start', 'historian']);
  await said(system, 'the-hub', /open {2}unit failed: historian\.service/);
  const [first = '{}'] = system.run([...DOOR, 'incident', 'list', '--json', ...STATE]).stdout.split('\n');
  const { id } = JSON.parse(first);
  const ask = (...question: string[]) => {
    const { status, stdout, stderr } = system.run([...DOOR, 'incident', 'probe', id, ...question, '--json', ...STATE]);
    assert.is(status, 0, `${question.join(' ')}: ${stderr}`);
    return (JSON.parse(stdout).lines as { text: string }[]).map(({ text }) => text).join('\n');
  };
  const log = ask('unit_log', 'historian.service');
  assert.match(log, /cannot open \/data, password=\[redacted\]/);
  assert.not.match(log, /hunter2/);
  const status = ask('unit_status', 'historian.service');
  for (const line of [/^ActiveState=failed$/m, /^ExecMainStatus=3$/m, /^FragmentPath=\/etc\/systemd/m]) {
    assert.match(status, line);
  }
  assert.match(ask('recent_changes'), /unit files written: \/etc\/systemd\/system\/historian\.service/);
});

test.run();
