import {
  chmodSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findBinary } from '../../agent/binaries.ts';
import { checkPrivilegedPath } from '../../agent/paths.ts';
import { runProgram } from '../../agent/run-program.ts';
import type { Command, Job, Program } from '../../policy/program.ts';

/** Real binaries of coreutils and bash as the yardstick: nothing else is taken to be there. */
const test = suite<{ folder: string }>('run program');
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'sentinel-run-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

type Words = readonly string[];
const command = (argv: Words, streams: Partial<Command> = {}): Command => ({
  argv,
  stdout: 'keep',
  stderr: 'keep',
  ...streams,
});
const job = (when: Job['when'], ...pipe: readonly (Words | Command)[]): Job => ({
  when,
  pipe: pipe.map((one) => ('argv' in one ? one : command(one))),
});
const program = (...jobs: readonly Job[]): Program => ({ version: 1, jobs });
const piped = (...pipe: readonly (Words | Command)[]): Program => program(job('always', ...pipe));
const run = (what: Program, timeoutMs = 20_000) => runProgram(what, timeoutMs, Date.now);
const code = (expected: string) => (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === expected;

/** Processes that descend from this one, zombies included. */
function descendants(): string[] {
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [state, parent] = line.slice(line.lastIndexOf(')') + 2).split(' ');
        return [{ pid, parent, state, name: line.slice(line.indexOf('('), line.lastIndexOf(')') + 1) }];
      } catch {
        return [];
      }
    });
  const own = new Set([String(process.pid)]);
  for (let grown = 0; grown < own.size; ) {
    grown = own.size;
    for (const { pid, parent } of stats) if (parent !== undefined && own.has(parent)) own.add(pid);
  }
  own.delete(String(process.pid));
  return stats.filter(({ pid }) => own.has(pid)).map(({ pid, name, state }) => `${pid} ${name} ${state}`);
}

/** Whether any process of the host has this word in its command line: a grandchild that was left is nobody's child. */
function someoneHas(word: string): boolean {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word);
      } catch {
        return false;
      }
    });
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(holds());
}

test('a process receives the very words of its argv', async () => {
  const words = [
    '',
    ' ',
    'a b',
    '$HOME',
    '`id`',
    '$(id)',
    '*',
    '~',
    ';',
    '|',
    '&&',
    '>x',
    '"',
    "'",
    '\\',
    '\n',
    'ü😀',
    '-n',
    '--',
  ];
  const { stdout, exit, state } = await run(piped(['printf', '<%s>\\0', ...words]));
  assert.is(state, 'done');
  assert.is(exit, 0);
  assert.is(stdout, words.map((word) => `<${word}>\0`).join(''));
});

test('the environment, the folder, the input and the mask are exactly as specified', async ({ folder }) => {
  process.env['SENTINEL_SECRET'] = 'leak';
  process.env['NODE_V8_COVERAGE'] ??= '';
  const before = process.env['NODE_V8_COVERAGE'];
  process.env['NODE_V8_COVERAGE'] = folder;
  try {
    const env = (await run(piped(['env']))).stdout.trim().split('\n').sort();
    assert.equal(env, [
      'EDITOR=',
      'GIT_PAGER=',
      'HOME=/nonexistent',
      'LC_ALL=C',
      'PAGER=',
      'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
      'SYSTEMD_PAGER=',
      'TZ=UTC',
      'VISUAL=',
    ]);
  } finally {
    delete process.env['SENTINEL_SECRET'];
    if (before === '') delete process.env['NODE_V8_COVERAGE'];
    else process.env['NODE_V8_COVERAGE'] = before;
  }
  assert.is((await run(piped(['pwd', '-P']))).stdout, '/\n');
  assert.is((await run(piped(['cat']))).stdout, '');
  assert.is((await run(piped(['readlink', '/proc/self/fd/0']))).stdout, '/dev/null\n');
  const own = process.umask();
  const made = join(folder, 'made');
  await run(piped(['touch', made]));
  assert.is(statSync(made).mode & 0o777, 0o600);
  assert.is(process.umask(), own);
});

test('no descriptor of the agent reaches a process', async ({ folder }) => {
  const secret = join(folder, 'journal');
  const fd = openSync(secret, 'w');
  const { stdout } = await run(piped(['ls', '-l', '/proc/self/fd']));
  closeSync(fd);
  assert.match(stdout, ' -> /dev/null');
  assert.not.match(stdout, secret);
});

test('a pipe of sixteen carries everything through, in order', async () => {
  const cats = Array.from({ length: 14 }, () => ['cat']);
  const { stdout, state } = await run(piped(['seq', '1', '200000'], ...cats, ['tail', '-n', '1']));
  assert.is(state, 'done');
  assert.is(stdout, '200000\n');
});

test('a writer without a reader ends, and leaves no process behind', async () => {
  const { stdout, state } = await run(piped(['yes'], ['head', '-n', '1']));
  assert.equal([stdout, state], ['y\n', 'done']);
  await until(() => descendants().length === 0);
});

test('a reader that is slow holds its writer up instead of filling memory', async () => {
  const before = process.memoryUsage().rss;
  const { stdout } = await run(piped(['head', '-c', '200000000', '/dev/zero'], ['wc', '-c']));
  assert.is(stdout, '200000000\n');
  assert.ok(process.memoryUsage().rss - before < 100_000_000);
});

test('the last command of a pipe decides, as bash has it', async () => {
  assert.is((await run(piped(['false'], ['true']))).state, 'done');
  assert.is((await run(piped(['true'], ['false']))).state, 'failed');
});

test('exit codes and signals are as bash has them', async () => {
  assert.is((await run(piped(['ls', '/nonexistent-path']))).exit, 2);
  for (const [signal, number] of [
    ['TERM', 15],
    ['KILL', 9],
    ['HUP', 1],
  ] as const) {
    const killed = await run(piped(['timeout', '--foreground', '-s', signal, '0.05', 'sleep', '30']));
    assert.ok([124, 128 + number].includes(killed.exit ?? 0), `${signal} ${killed.exit}`);
  }
  const own = await run(piped(['timeout', '-s', 'KILL', '0.05', 'sleep', '30']));
  assert.equal([own.state, own.exit, own.signal], ['failed', 137, 'SIGKILL']);
});

test('each stream goes where it is sent', async () => {
  const missing = '/nonexistent-path';
  const both = (streams: Partial<Command>) => run(piped(command(['ls', '-d', '/', missing], streams)));
  const kept = await both({});
  assert.is(kept.stdout, '/\n');
  assert.match(kept.stderr, missing);
  const joined = await both({ stderr: 'stdout' });
  assert.ok(joined.stdout.includes('/\n') && joined.stdout.includes(missing));
  assert.is(joined.stderr, '');
  assert.equal([(await both({ stdout: 'discard' })).stdout, (await both({ stderr: 'discard' })).stderr], ['', '']);
  const before = await run(piped(command(['ls', missing], { stderr: 'stdout' }), ['wc', '-l']));
  assert.equal([before.stdout.trim(), before.stderr], ['1', '']);
  const apart = await run(piped(['ls', missing], ['wc', '-l']));
  assert.is(apart.stdout.trim(), '0');
  assert.match(apart.stderr, missing);
});

test('ten megabytes of output are read, cut, and said to be cut', async () => {
  const much = await run(piped(['head', '-c', '10000000', '/dev/zero'], ['tr', '\\0', 'x']));
  assert.equal([much.state, much.stdout.length, much.truncated], ['done', 8_192, true]);
  const little = await run(piped(['head', '-c', '8192', '/dev/zero']));
  assert.equal([little.stdout.length, little.truncated], [8_192, false]);
});

test('bytes that are no text do no harm', async () => {
  const { stdout } = await run(piped(['printf', '\\377\\376a']));
  assert.is(stdout, '\ufffd\ufffda');
});

test('at the timeout the whole process group goes, and nothing after it runs', async ({ folder }) => {
  const made = join(folder, 'made');
  const length = `600.${process.pid}`;
  // `timeout` is the parent, and waits for a child that ignores SIGTERM.
  const jobs = [
    job('always', ['timeout', '--foreground', '600', 'env', '--ignore-signal=TERM', 'sleep', length]),
    job('always', ['touch', made]),
  ];
  const { state, signal } = await run(program(...jobs), 300);
  assert.is(state, 'timeout');
  assert.is(signal, 'SIGKILL');
  assert.not(existsSync(made));
  await until(() => !someoneHas(length));
});

test('a pipe that hangs ends at the timeout with every process of it', async () => {
  const { state } = await run(piped(['sleep', '600'], ['cat'], ['env', '--ignore-signal=TERM', 'cat']), 200);
  assert.is(state, 'timeout');
  await until(() => descendants().length === 0);
});

test('what can’t be started ends the rest of its pipe', async () => {
  // More than the kernel takes: spawn throws when the readers of the pipe run already.
  const words = Array.from({ length: 40 }, () => 'x'.repeat(130_000));
  const { state, code } = await run(piped(['echo', ...words], ['cat'], ['cat']));
  // Something ran: that is no refusal.
  assert.equal([state, code], ['failed', 'E_SPAWN']);
  await until(() => descendants().length === 0);
});

test('a missing binary is refused before anything is spawned', async ({ folder }) => {
  const made = join(folder, 'made');
  const jobs = [job('always', ['touch', made]), job('always', ['no-such-binary-anywhere'])];
  await run(program(...jobs)).then(
    () => assert.unreachable(),
    (error: unknown) => assert.ok(code('E_BINARY_MISSING')(error)),
  );
  assert.not(existsSync(made));
});

test('a binary is never taken from anywhere else', async ({ folder }) => {
  const own = join(folder, 'own-tool');
  writeFileSync(own, '#!/bin/true\n');
  chmodSync(own, 0o755);
  const before = process.env['PATH'];
  process.env['PATH'] = `${folder}:${before}`;
  try {
    assert.throws(() => findBinary('own-tool'), code('E_BINARY_MISSING'));
    for (const name of [own, './own-tool', '../bin/true', '', '.', '..', 'true\0x', '/bin/true']) {
      assert.throws(
        () => findBinary(name),
        (error: unknown) => /^E_BINARY_/.test(String((error as { code?: unknown }).code)),
        name,
      );
    }
  } finally {
    process.env['PATH'] = before;
  }
  assert.match(findBinary('true'), /^\/usr\/s?bin\/|^\/s?bin\//);
});

test('a path for a privileged command has no link and nobody else’s folder on its way', ({ folder }) => {
  if (process.geteuid?.() !== 0) {
    // Only root can make what is root's: as anyone else, one's own folder is refused.
    assert.throws(() => checkPrivilegedPath(join(folder, 'x')), code('E_PATH_UNSAFE'));
    return;
  }
  const refused = (path: string) => assert.throws(() => checkPrivilegedPath(path), code('E_PATH_UNSAFE'), path);
  writeFileSync(join(folder, 'file'), '');
  checkPrivilegedPath('/etc/passwd');
  checkPrivilegedPath('/etc/not-there-yet');
  checkPrivilegedPath(join(folder, 'file'));
  symlinkSync('/etc', join(folder, 'link'));
  refused(join(folder, 'link'));
  refused(join(folder, 'link', 'passwd'));
  refused(join(folder, 'none', 'file'));
  // In a sticky folder everyone makes entries: what is not there yet could be a link by the time it is opened.
  refused(join(tmpdir(), 'sentinel-not-there-yet'));
  chmodSync(folder, 0o777);
  refused(join(folder, 'file'));
  chmodSync(folder, 0o700);
});

test.run();
