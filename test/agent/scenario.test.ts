import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { capture } from '../../agent/capture.ts';
import { scenarioCommand } from '../../agent/scenario/command.ts';
import { type RunRecord, readRecord, runPaths, writeRecord } from '../../agent/scenario/record.ts';
import { scenarios } from '../../agent/scenario/scenarios.ts';
import { whoIs, writtenWho } from '../../agent/scenario/who.ts';
import { LIMIT_MS, type Started, stage } from './scenario-stage.ts';

const test = suite('scenario');

for (const name of ['memory-hog', 'cpu-spin', 'crash-loop'] as const) {
  test(`${name}: seen, its culprit named, fixed by SIGTERM, seen to recover, gone without a trace`, async () => {
    const { sensor, abort, done, started, until, clean } = stage(name, ['--linger', '90']);
    const finding = await until('anomaly');
    assert.is(finding.signal, scenarios.find((one) => one.name === name)?.signal);
    const shot = await capture(finding, sensor);
    assert.is(shot.facts['culprit']?.text, String(started()?.pid));
    assert.ok([...shot.top_cpu, ...shot.top_mem].some(({ process }) => process.pid === started()?.pid));
    if (name === 'crash-loop') assert.is(shot.facts['supervisor']?.text, String(started()?.pid));
    process.kill(Number(shot.facts['culprit']?.text), 'SIGTERM');
    const over = await until('recovery');
    assert.is(over.fingerprint, finding.fingerprint);
    // The linger is long enough for any machine; the test need not wait for its end.
    abort.abort();
    assert.is(await done, 0);
    clean();
  });
}

const root = process.geteuid?.() === 0;
for (const variant of root ? ['mount', 'folder'] : ['folder']) {
  test(`disk-fill as a ${variant}: seen, fixed by deleting, seen to recover, gone without a trace`, async () => {
    const { sensor, abort, lines, done, started, until, clean } = stage('disk-fill', [
      '--linger',
      '90',
      ...(variant === 'folder' ? ['--folder'] : []),
    ]);
    const finding = await until('anomaly');
    if (variant === 'mount' && finding.signal === 'folder.space') console.log(`no mount here: ${lines[0]}`);
    else assert.is(finding.signal, variant === 'mount' ? 'disk.space' : 'folder.space');
    const folder = started()?.folder ?? '';
    const shot = await capture(finding, sensor);
    assert.is(shot.facts['path']?.text, folder);
    assert.match(shot.facts['file.1']?.text ?? '', /4 MiB .*\.tmp$/);
    // It writes on for a second; what a fix deletes must not come back.
    while (!existsSync(join(folder, 'fill-060.tmp'))) await sleep(100);
    for (const file of readdirSync(folder)) unlinkSync(join(folder, file));
    await until('recovery');
    abort.abort();
    assert.is(await done, 0);
    clean();
  });
}
if (!root) console.log('not root: disk-fill is tested as a folder only');

test('ends by itself when its time is over, and says so', async () => {
  const { lines, done, clean } = stage('cpu-spin', ['--for', '1']);
  assert.is(await done, 1);
  assert.match(lines.at(-1) ?? '', /"outcome":"elapsed"/);
  clean();
});

test('an interrupt ends it at once', async () => {
  const { abort, lines, done, started, clean } = stage('disk-fill', []);
  while (started() === undefined) await sleep(50);
  abort.abort();
  assert.is(await done, 1);
  assert.match(lines.at(-1) ?? '', /"outcome":"aborted"/);
  clean();
});

for (const name of ['crash-loop', 'disk-fill']) {
  test(`${name}: a runner that is killed -9 leaves nothing behind`, async () => {
    const state = mkdtempSync(join(tmpdir(), 'sentinel-scenario-'));
    mkdirSync(join(state, 'agent'));
    const command = new URL('../../agent/scenario/command.js', import.meta.url);
    const script = `const { scenarioCommand } = await import(${JSON.stringify(command.href)});
      await scenarioCommand(process.argv.slice(1), { stdout: console.log, stderr: console.error, signal: new AbortController().signal });`;
    const runner = spawn(
      process.execPath,
      ['--input-type=module', '-e', script, 'run', name, '--json', '--state', state],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let text = '';
    for await (const chunk of runner.stdout) {
      text += String(chunk);
      if (text.includes('"started"') && text.endsWith('\n')) break;
    }
    const { pid, folder } = JSON.parse(text.split('\n').find((line) => line.includes('"started"')) ?? '') as Started;
    // A second copy is refused while the first one runs.
    const refused: string[] = [];
    const io = {
      stdout: () => undefined,
      stderr: (line: string) => refused.push(line),
      signal: new AbortController().signal,
    };
    assert.is(await scenarioCommand(['run', name, '--state', state], io), 2);
    assert.match(refused[0] ?? '', /^E_SCENARIO_RUNNING: /);
    runner.kill('SIGKILL');
    const deadline = performance.now() + LIMIT_MS;
    const left = (): boolean =>
      existsSync(`/proc/${pid}`) ||
      readdirSync(join(state, 'scenarios')).length > 0 ||
      (folder !== null && existsSync(folder)) ||
      readdirSync(join(state, 'agent', 'watch.d')).length > 0;
    while (left() && performance.now() < deadline) await sleep(100);
    assert.is(left(), false);
    rmSync(state, { recursive: true });
  });
}

test('clears up after a run whose fault was killed too', async () => {
  const state = mkdtempSync(join(tmpdir(), 'sentinel-scenario-'));
  const folder = mkdtempSync('/var/tmp/sentinel-disk-fill-');
  const kept = mkdtempSync('/var/tmp/sentinel-kept-');
  mkdirSync(join(state, 'agent', 'watch.d'), { recursive: true });
  mkdirSync(join(state, 'scenarios'));
  const gone = { pid: 4_000_000, start: 1 };
  const record = {
    version: 1,
    name: 'cpu-spin',
    runner: gone,
    fault: { pid: process.pid, start: 1 },
    folder,
    mounted: true,
  };
  writeFileSync(join(state, 'scenarios', 'cpu-spin.json'), JSON.stringify(record));
  writeFileSync(
    join(state, 'scenarios', 'disk-fill.json'),
    JSON.stringify({ ...record, name: 'disk-fill', folder: kept }),
  );
  const io = { stdout: () => undefined, stderr: () => undefined, signal: AbortSignal.timeout(1_000) };
  assert.is(await scenarioCommand(['run', 'cpu-spin', '--state', state], io), 1);
  assert.is(existsSync(folder), false, 'what a record names of ours is removed');
  assert.is(
    await scenarioCommand(['run', 'disk-fill', '--state', state], { ...io, signal: AbortSignal.timeout(1_000) }),
    1,
  );
  assert.is(existsSync(kept), true, 'a folder that is not of a scenario stays, whatever a record says');
  rmSync(kept, { recursive: true });
  rmSync(state, { recursive: true });
});

for (const name of ['cpu-spin', 'zombies', 'memory-hog']) {
  test(`${name} as a service ends when the runner that it watches was killed -9`, async () => {
    const state = mkdtempSync(join(tmpdir(), 'sentinel-scenario-'));
    const { pgid } = runPaths(state, name);
    const runner = spawn('sleep', ['600'], { stdio: 'ignore' });
    const who = whoIs(Number(runner.pid));
    assert.ok(who);
    const service = fileURLToPath(new URL('../../agent/scenario/faults/service.js', import.meta.url));
    const fault = spawn(process.execPath, [service, name, state, String(process.pid), '600', '20'], {
      stdio: 'ignore',
      env: { PATH: process.env['PATH'], SCENARIO_RUNNER: writtenWho(who) },
    });
    const ended = once(fault, 'exit');
    try {
      while (!existsSync(pgid) && fault.exitCode === null) await sleep(20);
      assert.is(readFileSync(pgid, 'utf8').split(' ', 1)[0], String(fault.pid));
      runner.kill('SIGKILL');
      assert.equal(await Promise.race([ended, sleep(LIMIT_MS, 'goes on', { ref: false })]), [0, null]);
    } finally {
      runner.kill('SIGKILL');
      fault.kill('SIGKILL');
      rmSync(state, { recursive: true });
    }
  });
}

test('a record is read only as that of the scenario whose name it has', () => {
  const state = mkdtempSync(join(tmpdir(), 'sentinel-scenario-'));
  const runner = { pid: 4_000_000, start: 1 };
  const record: RunRecord = { version: 1, name: 'cpu-spin', runner, fault: null, folder: null, mounted: false };
  const paths = runPaths(state, 'cpu-spin');
  writeRecord(paths, record);
  assert.equal(readRecord(paths, 'cpu-spin'), record);
  for (const name of ['oom-kill', '../../../etc/systemd/system/ssh', '']) {
    writeRecord(paths, { ...record, name });
    assert.is(readRecord(paths, 'cpu-spin'), null, name);
  }
  rmSync(state, { recursive: true });
});

test('says what there is, and refuses what there is not', async () => {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    stdout: (line: string) => out.push(line),
    stderr: (line: string) => err.push(line),
    signal: new AbortController().signal,
  };
  assert.is(await scenarioCommand(['list'], io), 0);
  assert.is(out.length, scenarios.length);
  assert.is(await scenarioCommand(['list', '--json'], io), 0);
  assert.is((JSON.parse(out.at(-1) ?? '') as { name: string }).name, scenarios.at(-1)?.name);
  assert.is(await scenarioCommand(['--help'], io), 0);
  assert.match(out.at(-1) ?? '', /Example/);
  const empty = mkdtempSync(join(tmpdir(), 'sentinel-scenario-'));
  for (const [argv, code] of [
    [['run', 'memory-hog', '--state', empty], 'E_SCENARIO_STATE'],
    [['run', 'nonsense'], 'E_SCENARIO_UNKNOWN'],
    [['run'], 'E_USAGE'],
    [['fly'], 'E_USAGE'],
    [['run', 'cpu-spin', '--for', '1e9'], 'E_USAGE'],
    [['run', 'cpu-spin', '--no-such-flag'], 'E_USAGE'],
  ] as const) {
    assert.is(await scenarioCommand(argv, io), 2, argv.join(' '));
    assert.ok(err.at(-1)?.startsWith(`${code}: `), err.at(-1));
  }
  assert.equal(readdirSync(empty), [], 'a refused run writes nothing');
  rmSync(empty, { recursive: true });
});
test.run();
