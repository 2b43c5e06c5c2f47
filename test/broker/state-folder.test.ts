import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeDurably } from '../../broker/durable-file.ts';
import { keyFile, makeLocalSite, readRoster, readSite, sameSecret } from '../../broker/enroll.ts';
import { readKeyPair } from '../../broker/keys.ts';
import { claim, prepareFolder, startTime, stateFolder } from '../../broker/state-folder.ts';
import { tempFolder } from './site.ts';

const test = suite<{ path: string; done: () => void }>('state folder');
test.before.each((context) => void Object.assign(context, tempFolder()));
test.after.each(({ done }) => done());

const code = (expected: string) => (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === expected;
const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
const lockOf = (path: string): string => join(path, 'lock');
const idle = (): ChildProcess => spawn('/usr/bin/sleep', ['60'], { stdio: 'ignore' });
const gone = (child: ChildProcess): Promise<void> => {
  const exited = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  return exited;
};

test('a folder is claimed once, and again after its release', ({ path }) => {
  const release = claim(path, 'a hub');
  assert.throws(() => claim(path, 'a hub'), code('E_RUNNING'));
  release();
  claim(path, 'a hub')();
  assert.equal(readdirSync(path), []);
});

test('a claim by another process that lives holds; once it died it is taken over', async ({ path }) => {
  const other = idle();
  const { pid = 0 } = other;
  writeFileSync(lockOf(path), JSON.stringify({ pid, start: startTime(pid), boot: bootId() }));
  assert.throws(() => claim(path, 'a hub'), code('E_RUNNING'));
  assert.ok(existsSync(lockOf(path)));
  await gone(other);
  claim(path, 'a hub')();
  assert.equal(readdirSync(path), []);
});

test('a claim by a pid that is another process now, or of an earlier boot, is taken over', async ({ path }) => {
  const other = idle();
  const { pid = 0 } = other;
  const dead = idle();
  await gone(dead);
  const stale = [
    { pid: dead.pid, start: -1, boot: bootId() },
    { pid, start: startTime(pid) - 1, boot: bootId() },
    { pid, start: startTime(pid), boot: 'another-boot' },
    { pid: process.pid, start: startTime(process.pid), boot: 'another-boot' },
  ];
  for (const claimed of stale) {
    writeFileSync(lockOf(path), JSON.stringify(claimed));
    claim(path, 'a hub')();
  }
  await gone(other);
});

test('a claim without a start time is held by its pid alone', ({ path }) => {
  writeFileSync(lockOf(path), JSON.stringify({ pid: process.pid, start: -1, boot: bootId() }));
  assert.throws(() => claim(path, 'a hub'), code('E_RUNNING'));
});

test('a claim that can’t be read is taken over', ({ path }) => {
  for (const content of ['', '{', '[]', '{"pid":"1"}', 'null']) {
    writeFileSync(lockOf(path), content);
    claim(path, 'a hub')();
  }
});

test('who takes over, gives back and starts again beside others is never inside with another', async ({ path }) => {
  const dead = idle();
  const { pid = 0 } = dead;
  const start = startTime(pid);
  await gone(dead);
  writeFileSync(lockOf(path), JSON.stringify({ pid, start, boot: bootId() }));
  const module = new URL('../../broker/state-folder.js', import.meta.url).href;
  // Whoever is inside keeps a file that no other may find there; every second time it leaves a claim of the dead behind.
  const script = `const { claim } = await import(${JSON.stringify(module)});
    const { copyFileSync, renameSync, rmSync, writeFileSync } = await import('node:fs');
    const [path, stale, end] = process.argv.slice(1);
    let [inside, n] = [0, 0];
    while (Date.now() < Number(end)) {
      let release;
      try { release = claim(path, 'it'); } catch (e) { if (e.code === 'E_RUNNING') continue; throw e; }
      writeFileSync(path + '/inside', '', { flag: 'wx' });
      inside++;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3);
      rmSync(path + '/inside');
      if (++n % 2 === 0) {
        copyFileSync(stale, path + '/left.' + process.pid);
        renameSync(path + '/left.' + process.pid, path + '/lock');
      } else release();
    }
    process.stdout.write(String(inside));`;
  const stale = join(path, 'stale');
  writeFileSync(stale, JSON.stringify({ pid, start, boot: bootId() }));
  const end = String(Date.now() + 2_500);
  const answers = await Promise.all(
    Array.from({ length: 4 }, () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, path, stale, end]);
      let [told, wrong] = ['', ''];
      child.stdout.on('data', (chunk) => (told += chunk));
      child.stderr.on('data', (chunk) => (wrong += chunk));
      return new Promise<string>((resolve) => child.once('close', () => resolve(wrong === '' ? told : wrong)));
    }),
  );
  for (const answer of answers) assert.match(answer, /^\d+$/);
  assert.ok(
    answers.some((answer) => Number(answer) > 1),
    answers.join(),
  );
});

test('a claim that can’t be read is another’s, and what a killed starter left of its own is no harm', ({ path }) => {
  // A folder stands in for a file that this user may not read: reading it fails in another way than being absent.
  mkdirSync(lockOf(path));
  assert.throws(() => claim(path, 'it'), code('E_STATE_BROKEN'));
  rmSync(lockOf(path), { recursive: true });
  writeFileSync(lockOf(path), JSON.stringify({ pid: process.pid, start: 1, boot: bootId() }));
  linkSync(lockOf(path), `${lockOf(path)}.${process.pid}`);
  claim(path, 'it')();
  assert.equal(readdirSync(path), []);
});

test('of processes that start at once over a stale claim exactly one gets it', async ({ path }) => {
  const dead = idle();
  const { pid = 0 } = dead;
  const start = startTime(pid);
  await gone(dead);
  const module = new URL('../../broker/state-folder.js', import.meta.url).href;
  const script = `const { claim } = await import(${JSON.stringify(module)});
    process.stdout.write('ready\\n');
    process.stdin.once('data', () => {
      try { claim(process.argv[1], 'it'); process.stdout.write('got\\n'); } catch (e) { process.stdout.write(e.code + '\\n'); }
    });
    process.stdin.on('end', () => process.exit());`;
  for (let round = 0; round < 3; round++) {
    writeFileSync(lockOf(path), JSON.stringify({ pid, start, boot: bootId() }));
    const starters = Array.from({ length: 4 }, () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const lines: string[] = [];
      let heard: () => void = () => {};
      child.stdout.on('data', (chunk: Buffer) => {
        lines.push(...chunk.toString().trim().split('\n'));
        heard();
      });
      const line = (n: number): Promise<string> =>
        new Promise((resolve) => {
          heard = () => {
            const found = lines[n];
            if (found !== undefined) resolve(found);
          };
          heard();
        });
      return { child, line };
    });
    for (const { line } of starters) assert.is(await line(0), 'ready');
    for (const { child } of starters) child.stdin.write('go\n');
    const answers = await Promise.all(starters.map(({ line }) => line(1)));
    assert.equal([...answers].sort(), ['E_RUNNING', 'E_RUNNING', 'E_RUNNING', 'got']);
    await Promise.all(
      starters.map(({ child }) => {
        const exited = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
        child.stdin.end();
        return exited;
      }),
    );
    rmSync(lockOf(path), { force: true });
  }
});

test('where nothing can be written it says so, and how to go on', ({ path }) => {
  const file = join(path, 'a-file');
  writeFileSync(file, '');
  for (const place of [join(file, 'state'), '/proc/self/state']) {
    assert.throws(
      () => prepareFolder(stateFolder(place)),
      (error: unknown) => code('E_STATE_READONLY')(error) && /--state DIR/.test(String(error)),
      place,
    );
  }
  assert.throws(() => claim('/proc/self', 'a hub'), code('E_STATE_READONLY'));
});

test('a durable write replaces the whole file, and a failed one leaves nothing behind', ({ path }) => {
  const file = join(path, 'f');
  writeDurably(file, 'old');
  writeDurably(file, 'new', 0o600);
  assert.is(readFileSync(file, 'utf8'), 'new');
  assert.throws(() => writeDurably(join(path, 'none', 'f'), 'x'));
  assert.throws(() => writeDurably(path, 'x'));
  assert.equal(readdirSync(path), ['f']);
});

test('a first start makes a site whose secrets are its owner’s alone; the next keeps it', ({ path }) => {
  const state = stateFolder(path);
  prepareFolder(state);
  assert.ok(makeLocalSite(state, 'web-1').made);
  const site = readSite(state);
  const { roster } = readRoster(state, site);
  assert.equal([...roster.hub_key], [...readKeyPair(keyFile.hub(state)).public]);
  assert.equal([...site.root], [...readKeyPair(keyFile.siteRoot(state)).public]);
  const secret = readFileSync(keyFile.agentSecret(state, 'web-1'), 'utf8');
  const agent = site.agents.get('web-1');
  assert.ok(agent && sameSecret(secret, agent.secretHash) && !sameSecret(`${secret}x`, agent.secretHash));
  assert.is(statSync(state.keys).mode & 0o777, 0o700);
  for (const name of readdirSync(state.keys)) assert.is(statSync(join(state.keys, name)).mode & 0o777, 0o600, name);
  const before = readFileSync(state.site, 'utf8');
  assert.not(makeLocalSite(state, 'web-1').made);
  assert.is(readFileSync(state.site, 'utf8'), before);
});

test('a first start that was cut off before its site was written goes on with the keys it made', ({ path }) => {
  const state = stateFolder(path);
  prepareFolder(state);
  makeLocalSite(state, 'web-1');
  const root = [...readKeyPair(keyFile.siteRoot(state)).public];
  rmSync(state.site);
  assert.ok(makeLocalSite(state, 'web-1').made);
  assert.equal([...readSite(state).root], root);
  readRoster(state, readSite(state));
});

test('a second first start while one is under way is refused, not mixed with it', ({ path }) => {
  const state = stateFolder(path);
  prepareFolder(state);
  const release = claim(state.keys, 'a first start');
  assert.throws(() => makeLocalSite(state, 'web-1'), code('E_RUNNING'));
  assert.equal(readdirSync(state.keys), ['lock']);
  assert.not(existsSync(state.site));
  release();
});

test('no site, and a broken one, are each named', ({ path }) => {
  const state = stateFolder(path);
  assert.throws(() => readSite(state), code('E_NO_SITE'));
  for (const content of ['', '{', '{"version": 2}', '[]']) {
    writeFileSync(state.site, content);
    assert.throws(() => readSite(state), code('E_STATE_BROKEN'));
  }
});

test.run();
