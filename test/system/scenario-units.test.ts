import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PATIENCE_MS, Running } from './running.ts';
import { type BootedSystem, bootSystemd } from './systemd-root.ts';

/** Faults that are services of a real systemd: one of each name at a time, and gone without a trace whoever was killed. */
const test = suite<{ system: BootedSystem; dir: string }>('scenario: faults as units');
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const NODE = '/usr/bin/node';
const UNITS = '/run/systemd/system';
const STATES = ['one', 'two'] as const;
type State = (typeof STATES)[number];

test.before(async (context) => {
  context.dir = mkdtempSync('/var/tmp/sentinel-test-scenario-');
  for (const state of STATES) mkdirSync(join(context.dir, state, 'agent'), { recursive: true });
  context.system = await bootSystemd([
    { from: process.execPath, to: NODE },
    { from: join(ROOT, 'dist'), to: '/opt/hub/dist' },
    { from: realpathSync(join(ROOT, 'node_modules')), to: '/opt/hub/node_modules' },
    { from: context.dir, to: '/srv', writable: true },
  ]);
});
test.after(async (context) => {
  const { system, dir } = context as Partial<typeof context>;
  await system?.stop();
  if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
});

const scenario = (name: string, state: State): string[] => [
  NODE,
  '/opt/hub/dist/sentinel.js',
  'scenario',
  'run',
  name,
  '--unit',
  '--json',
  '--state',
  `/srv/${state}`,
];

async function start(system: BootedSystem, name: string, state: State): Promise<Running> {
  const run = new Running(system, scenario(name, state));
  await run.says(/"event":"started"/);
  return run;
}

/** What is left of scenarios, in words; empty when there is nothing. */
function left(system: BootedSystem, dir: string): string {
  const told = system.run(['systemctl', 'list-units', '--all', '--plain', '--no-legend', 'scenario-*']).stdout;
  const files = readdirSync(system.path(UNITS)).filter((name) => name.includes('scenario-'));
  const mounts = readFileSync(system.path('/proc/1/mounts'), 'utf8').match(/^sentinel-scenario .*$/gm) ?? [];
  const written = STATES.flatMap((state) => ['scenarios', 'agent/watch.d'].map((name) => join(dir, state, name)))
    .filter(existsSync)
    .flatMap((folder) => readdirSync(folder));
  return [told.trim(), ...files, ...mounts, ...written].join('\n').trim();
}

async function until(holds: () => boolean, told: () => string): Promise<void> {
  for (const deadline = performance.now() + PATIENCE_MS; !holds(); await sleep(100)) {
    assert.ok(performance.now() < deadline, told());
  }
}

const isActive = (system: BootedSystem, name: string): boolean =>
  system.run(['systemctl', 'is-active', `scenario-${name}.service`]).stdout.trim() === 'active';

test('whichever runner is killed -9, nothing of its fault is left', async ({ system, dir }) => {
  // Those that never get back to their event loop, one with a mount, one with a timer, one that has ended by itself.
  const names = ['cpu-spin', 'zombies', 'held-log', 'job-failed', 'workload-ended'];
  const runs = await Promise.all(names.map((name) => start(system, name, 'one')));
  for (const name of ['cpu-spin', 'zombies', 'held-log']) assert.ok(isActive(system, name), name);
  for (const trace of [
    'scenario-job-failed.timer',
    'sentinel-scenario',
    'scenario-workload-ended.yaml',
    'zombies.json',
  ])
    assert.ok(left(system, dir).includes(trace), trace);
  for (const run of runs) await run.stop('KILL');
  await until(
    () => left(system, dir) === '',
    () => left(system, dir),
  );
});

test('a second run is refused while the first lives, whatever its state, and takes nothing of it away', async ({
  system,
  dir,
}) => {
  const first = await start(system, 'cpu-spin', 'one');
  const second = system.run(scenario('cpu-spin', 'two'));
  assert.is(second.status, 2, second.stdout);
  assert.match(second.stderr, /^E_SCENARIO_RUNNING: cpu-spin runs already as a service \(of process \d+\)/);
  assert.ok(isActive(system, 'cpu-spin'));
  assert.equal(readdirSync(join(dir, 'two/scenarios')), []);
  await first.stop();
  assert.match(first.said, /"outcome":"aborted"/);
  assert.is(left(system, dir), '');
});

test('a service ends by itself when runner and keeper were killed, and the next run of any state clears up', async ({
  system,
  dir,
}) => {
  const first = await start(system, 'zombies', 'one');
  const { fault }: { fault: { pid: number } } = JSON.parse(
    readFileSync(join(dir, 'one/scenarios/zombies.json'), 'utf8'),
  );
  system.run(['sh', '-c', `kill -KILL ${fault.pid}`]);
  await first.stop('KILL');
  await until(
    () => !isActive(system, 'zombies'),
    () => 'zombies goes on',
  );
  assert.ok(existsSync(system.path(`${UNITS}/scenario-zombies.service`)));
  const second = await start(system, 'zombies', 'two');
  assert.ok(isActive(system, 'zombies'));
  // What the first left is in its own state, for its own next run; the unit is not its any more.
  const third = system.run(scenario('zombies', 'one'));
  assert.is(third.status, 2, third.stdout);
  assert.match(third.stderr, /^E_SCENARIO_RUNNING: /);
  assert.ok(isActive(system, 'zombies'));
  await second.stop();
  assert.is(left(system, dir), '');
});

test('a unit that does not say whose it is stays', ({ system }) => {
  const path = system.path(`${UNITS}/scenario-fd-leak.service`);
  writeFileSync(path, '[Service]\nExecStart=/bin/true\n');
  const { status, stderr } = system.run(scenario('fd-leak', 'one'));
  assert.is(status, 2, stderr);
  assert.match(stderr, /^E_SCENARIO_RUNNING: .*remove it if none runs/);
  assert.ok(existsSync(path));
  rmSync(path);
});

test('a unit that failed is forgotten, though somebody has removed its files', async ({ system, dir }) => {
  const run = await start(system, 'job-failed', 'one');
  const state = () => system.run(['systemctl', 'is-failed', 'scenario-job-failed.service']).stdout.trim();
  await until(
    () => state() === 'failed',
    () => state(),
  );
  for (const kind of ['service', 'timer']) rmSync(system.path(`${UNITS}/scenario-job-failed.${kind}`));
  system.run(['systemctl', 'daemon-reload']);
  assert.is(state(), 'failed');
  await run.stop();
  assert.is(left(system, dir), '');
});

test.run();
