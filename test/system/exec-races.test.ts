import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ProcFiles } from '../../agent/sense/proc-files.ts';
import { processRef, readProcessStat } from '../../agent/sense/process-stat.ts';
import type { ProcessRef } from '../../policy/verdict.ts';
import { ExecSite, FRONT_DOOR, planned } from '../agent/exec-fixtures.ts';
import { inShort, programOf } from '../agent/order-fixtures.ts';

/**
 * A real executor of root's, and somebody who changes the host between an operator's signature and the run, or in the middle
 * of it. As root, since only root has mounts and other users' files.
 */
const test = suite<{ exec: ExecSite; ends: (() => void)[] }>('executor: races and full disks');
const NOBODY = 65_534;
/** Numbers that are tried for one process; each costs a process that ends at once. */
const REUSE_TRIES = 400;

test.before.each(async (context) => {
  context.exec = new ExecSite();
  context.ends = [];
});
test.after.each(async ({ exec, ends }) => {
  await exec.kill('SIGKILL');
  for (const end of ends) end();
  await exec.close();
});

function must(...argv: readonly string[]): void {
  const [command = '', ...rest] = argv;
  const { status, stderr } = spawnSync(command, rest, { encoding: 'utf8' });
  assert.is(status, 0, `${argv.join(' ')}: ${stderr}`);
}

/** A folder in the site's own, as root makes one. */
function folder(exec: ExecSite, name: string): string {
  const path = join(exec.dir, name);
  mkdirSync(path, { mode: 0o755 });
  return path;
}

function file(path: string, text = 'precious\n'): string {
  writeFileSync(path, text);
  return path;
}

const truncate = (path: string) => programOf(['truncate', '-s', '0', path]);

/** Runs one program with the operator's consent; each step in short. */
async function run(exec: ExecSite, program: ReturnType<typeof programOf>, processes: readonly ProcessRef[] = []) {
  const plan = [planned('step', 1, program)];
  const { reports } = await exec.hand(exec.site.order(exec.approval(plan, { processes: [...processes] }), plan));
  return { short: inShort(reports), report: reports[0] };
}

test('what is approved and unchanged runs: the refusals below are not for another reason', async ({ exec }) => {
  await exec.start('--live');
  const log = file(join(folder(exec, 'data'), 'app.log'));
  assert.equal((await run(exec, truncate(log))).short, ['step 1 done']);
  assert.is(readFileSync(log, 'utf8'), '');
});

test('a folder that becomes a link while the step before runs', async ({ exec }) => {
  await exec.start('--live');
  const data = folder(exec, 'data');
  const victim = folder(exec, 'victim');
  file(join(data, 'app.log'));
  file(join(victim, 'app.log'));
  const plan = [planned('step', 1, programOf(['sleep', '1'])), planned('step', 2, truncate(join(data, 'app.log')))];
  const handed = exec.hand(exec.site.order(exec.approval(plan), plan));
  await exec.until(() => /step\.1","begun/.test(exec.journal()), 'the first step');
  renameSync(data, `${data}.old`);
  symlinkSync(victim, data);
  assert.equal(inShort((await handed).reports), ['step 1 done', 'step 2 refused E_PATH_UNSAFE']);
  assert.is(readFileSync(join(victim, 'app.log'), 'utf8'), 'precious\n');
});

test('another user who swaps a link in and out as fast as he can never wins', async ({ exec, ends }) => {
  await exec.start('--live');
  chmodSync(exec.dir, 0o755);
  const victim = folder(exec, 'victim');
  file(join(victim, 'app.log'));
  const his = folder(exec, 'his');
  chownSync(his, NOBODY, NOBODY);
  const swap = `
    const fs = require('node:fs');
    fs.mkdirSync('real'); fs.writeFileSync('real/app.log', 'his\\n'); fs.symlinkSync(${JSON.stringify(victim)}, 'link');
    for (let i = 0; ; i++) {
      fs.renameSync(i % 2 ? 'link' : 'real', 'data'); fs.renameSync('data', i % 2 ? 'link' : 'real');
      if (i === 100) process.stdout.write('swapping');
    }`;
  const swapper = spawn(process.execPath, ['-e', swap], { cwd: his, uid: NOBODY, gid: NOBODY });
  ends.push(() => swapper.kill('SIGKILL'));
  await new Promise((resolve) => swapper.stdout.once('data', resolve));
  for (let i = 0; i < 20; i++) {
    const { short } = await run(exec, truncate(join(his, 'data', 'app.log')));
    assert.equal(short, ['step 1 refused E_PATH_UNSAFE']);
  }
  assert.is(swapper.exitCode, null, 'he has been at it all the time');
  assert.is(readFileSync(join(victim, 'app.log'), 'utf8'), 'precious\n');
});

test('a folder above that others may write to', async ({ exec }) => {
  await exec.start('--live');
  const open = folder(exec, 'open');
  const log = file(join(open, 'app.log'));
  chmodSync(open, 0o777);
  assert.equal((await run(exec, truncate(log))).short, ['step 1 refused E_PATH_UNSAFE']);
  assert.is(readFileSync(log, 'utf8'), 'precious\n');
  chmodSync(open, 0o755);
  assert.equal((await run(exec, truncate(log))).short, ['step 1 done']);
});

/** The executor in a mount namespace of its own, in which a test may replace parts of the system for it alone. */
async function startApart(exec: ExecSite): Promise<(...mount: string[]) => void> {
  const argv = [FRONT_DOOR, 'exec', '--state', exec.state, '--id', 'web-1', '--socket', exec.socket, '--live'];
  await exec.spawned(spawn('unshare', ['--mount', '--propagation', 'private', process.execPath, ...argv]));
  const pid = String(exec.child?.pid);
  return (...mount) => must('nsenter', '-t', pid, '-m', 'mount', ...mount);
}

test('a binary that was replaced by somebody’s own', async ({ exec }) => {
  const mount = await startApart(exec);
  const log = file(join(folder(exec, 'data'), 'app.log'));
  assert.equal((await run(exec, truncate(log))).short, ['step 1 done']);
  file(log);
  const his = join(exec.dir, 'truncate');
  copyFileSync('/usr/bin/truncate', his);
  chmodSync(his, 0o755);
  chownSync(his, NOBODY, NOBODY);
  mount('--bind', his, '/usr/bin/truncate');
  assert.equal((await run(exec, truncate(log))).short, ['step 1 refused E_BINARY_UNSAFE']);
  assert.is(readFileSync(log, 'utf8'), 'precious\n');
});

test('a folder of binaries that others may write to', async ({ exec }) => {
  const mount = await startApart(exec);
  const open = folder(exec, 'sbin');
  copyFileSync('/usr/bin/truncate', join(open, 'truncate'));
  chmodSync(join(open, 'truncate'), 0o755);
  chmodSync(open, 0o777);
  mount('--bind', open, '/usr/sbin');
  const log = file(join(folder(exec, 'data'), 'app.log'));
  assert.equal((await run(exec, truncate(log))).short, ['step 1 refused E_BINARY_UNSAFE']);
  assert.is(readFileSync(log, 'utf8'), 'precious\n');
});

const proc = new ProcFiles();

function seen(pid: number): ProcessRef {
  const stat = readProcessStat(proc, pid);
  if (stat === null) throw new Error(`no process ${pid}`);
  return processRef(proc, stat);
}

/** A process that sleeps, once it is what it will be. */
async function sleeper(ends: (() => void)[]): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  ends.push(() => child.kill('SIGKILL'));
  await new Promise((resolve) => child.once('spawn', resolve));
  return Object.assign(child, { pid: child.pid ?? 0 });
}

test('a pid that was given to another process of the same name', async ({ exec, ends }) => {
  await exec.start('--live');
  const first = await sleeper(ends);
  const before = seen(first.pid);
  const gone = new Promise((resolve) => first.once('exit', resolve));
  first.kill('SIGKILL');
  await gone;
  let second = await sleeper(ends);
  for (let tries = 0; second.pid !== first.pid && tries < REUSE_TRIES; tries++) {
    second.kill('SIGKILL');
    // The kernel gives the number after this one next, unless somebody else is quicker.
    writeFileSync('/proc/sys/kernel/ns_last_pid', String(first.pid - 1));
    second = await sleeper(ends);
  }
  assert.is(second.pid, first.pid, 'the number was given again');
  const term = programOf(['kill', '-TERM', String(first.pid)]);
  assert.equal((await run(exec, term, [before])).short, ['step 1 refused E_PROCESS_OTHER']);
  assert.is(second.signalCode, null);
  const ended = new Promise((resolve) => second.once('exit', (_code, signal) => resolve(signal)));
  assert.equal((await run(exec, term, [seen(second.pid)])).short, ['step 1 done']);
  assert.is(await ended, 'SIGTERM');
});

test('an environment and a HOME that somebody prepared reach no command', async ({ exec }) => {
  const evil = folder(exec, 'evil');
  file(join(evil, '.gitconfig'), '[core]\n\tpager = touch /var/tmp/owned\n');
  const hostile = { HOME: evil, GIT_CONFIG_GLOBAL: join(evil, '.gitconfig'), BASH_ENV: join(evil, 'rc'), PAGER: 'sh' };
  const argv = [FRONT_DOOR, 'exec', '--state', exec.state, '--id', 'web-1', '--socket', exec.socket, '--live'];
  await exec.spawned(spawn(process.execPath, argv, { env: { ...process.env, ...hostile } }));
  const { report } = await run(exec, programOf(['printenv']));
  const home = join(exec.state, 'exec', 'home');
  const expected = {
    ...{ PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC', HOME: home },
    ...{ PAGER: '', SYSTEMD_PAGER: '', GIT_PAGER: '', EDITOR: '', VISUAL: '' },
  };
  assert.equal(
    (report?.stdout ?? '').trimEnd().split('\n').sort(),
    Object.entries(expected)
      .map(([name, value]) => `${name}=${value}`)
      .sort(),
  );
  file(join(home, '.gitconfig'), '[core]\n\tpager = sh\n');
  assert.equal((await run(exec, programOf(['printenv']))).short, ['step 1 refused E_HOME_UNSAFE']);
});

/** A disk of so many KiB at a path, for this test. */
function disk(path: string, kib: number, ends: (() => void)[]): void {
  must('mount', '-t', 'tmpfs', '-o', `size=${kib}k,mode=0750`, 'tmpfs', path);
  ends.push(() => void spawnSync('umount', ['-l', path]));
}

/** Fills a disk to its last byte. */
function fill(path: string): string {
  const ballast = join(path, 'ballast');
  for (const size of [65_536, 4_096, 1]) {
    for (;;) {
      try {
        writeFileSync(ballast, Buffer.alloc(size), { flag: 'a' });
      } catch {
        break;
      }
    }
  }
  return ballast;
}

test('a disk that fills in the middle of a command fails that command, and nothing else', async ({ exec, ends }) => {
  await exec.start('--live');
  const small = folder(exec, 'small');
  disk(small, 256, ends);
  const large = join(exec.dir, 'large');
  writeFileSync(large, Buffer.alloc(2 * 1_048_576));
  const { short, report } = await run(exec, programOf(['cp', large, join(small, 'copy')]));
  assert.equal(short, ['step 1 failed']);
  assert.match(report?.stderr ?? '', /No space left on device/);
  assert.is(report?.exit, 1);
  assert.equal((await run(exec, programOf(['uname']))).short, ['step 1 done']);
});

test('what can’t be remembered is not done: the executor’s own disk is full', async ({ exec, ends }) => {
  mkdirSync(join(exec.state, 'exec'), { mode: 0o750 });
  disk(join(exec.state, 'exec'), 512, ends);
  await exec.start('--live');
  const made = () => readdirSync(exec.dir).filter((name) => name.startsWith('ran.')).length;
  const counts = programOf(['mktemp', '-p', exec.dir, 'ran.XXXXXX']);
  assert.equal((await run(exec, counts)).short, ['step 1 done']);
  const ballast = fill(join(exec.state, 'exec'));
  // The journal's last page has room for some lines more.
  const [done, refused] = [[] as string[], [] as string[]];
  while (refused.length < 5 && done.length < 100) {
    const [step = ''] = (await run(exec, counts)).short;
    (step === 'step 1 done' ? done : refused).push(step);
  }
  assert.equal([...new Set(refused)], ['step 1 refused E_JOURNAL']);
  assert.is(made(), 1 + done.length);
  rmSync(ballast);
  assert.equal((await run(exec, counts)).short, ['step 1 done']);
  assert.is(made(), 2 + done.length);
});

test('a disk that fills while a step runs: it is reported as it ended, and after a kill as unknown', async ({
  exec,
  ends,
}) => {
  mkdirSync(join(exec.state, 'exec'), { mode: 0o750 });
  disk(join(exec.state, 'exec'), 512, ends);
  await exec.start('--live');
  // Its output is more than the rest of the journal's last page takes.
  const [waits, says] = [programOf(['sleep', '1']), programOf(['seq', '3000'])];
  const plan = [planned('step', 1, { version: 1, jobs: [...waits.jobs, ...says.jobs] })];
  const order = exec.site.order(exec.approval(plan), plan);
  const handed = exec.hand(order);
  await exec.until(() => /step\.1","begun/.test(exec.journal()), 'the step');
  const ballast = fill(join(exec.state, 'exec'));
  assert.equal(inShort((await handed).reports), ['step 1 done']);
  await exec.kill('SIGKILL');
  rmSync(ballast);
  await exec.start('--live');
  assert.equal(inShort((await exec.hand(order)).reports), ['step 1 outcome_unknown E_STEP_INTERRUPTED']);
});

test.run();
