import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { playbookCommand } from '../../hub/commands/playbook.ts';
import { tempFolder } from '../broker/site.ts';

const test = suite<{ dir: string; done: () => void }>('sentinel playbook');
test.before.each((context) => {
  const { path, done } = tempFolder();
  context.dir = path;
  context.done = done;
});
test.after.each(({ done }) => done());

async function run(dir: string, ...argv: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    stdout: (line: string) => void out.push(line),
    stderr: (line: string) => void err.push(line),
    stdin: (async function* () {})(),
    signal: new AbortController().signal,
  };
  const code = await playbookCommand([...argv, '--state', dir], io).catch((error: unknown) => {
    err.push(String(error));
    return 2;
  });
  return { code, out, err };
}

test('a draft can be tested at once, is listed beside the built-in ones, and is never overwritten', async ({ dir }) => {
  assert.is((await run(dir, 'new', 'historian-stuck')).code, 0);
  const tested = await run(dir, 'test', 'historian-stuck');
  assert.is(tested.code, 0, tested.err.join('\n'));
  assert.is(tested.out[0], 'historian-stuck: allow');
  const listed = (await run(dir, 'list', '--json')).out.map(
    (line) => JSON.parse(line) as { id: string; source: string },
  );
  assert.ok(listed.length > 60);
  const file = join(dir, 'playbooks', 'historian-stuck.yaml');
  assert.is(listed.find(({ id }) => id === 'historian-stuck')?.source, file);
  assert.is((await run(dir, 'show', 'historian-stuck')).out.join('\n'), readFileSync(file, 'utf8').trimEnd());
  assert.is((await run(dir, 'new', 'historian-stuck')).code, 2);
});

test('the built-in ones pass', async ({ dir }) => {
  const { code, out, err } = await run(dir, 'test', '--json');
  assert.is(code, 0, err.join('\n'));
  assert.ok(out.every((line) => (JSON.parse(line) as { ok: boolean }).ok));
});

test('a check that needs consent, a blocked step and a broken file are each named, and the exit code is 1', async ({
  dir,
}) => {
  await run(dir, 'new', 'one');
  const file = join(dir, 'playbooks', 'one.yaml');
  const draft = readFileSync(file, 'utf8');
  for (const [from, to, about] of [
    ['  - systemctl status --no-pager {unit}', '  - systemctl stop {unit}', /a check must be allowed/],
    ['run: systemctl restart {unit}', 'run: rm -rf /', /one\.yaml:\d+: the policy blocks "rm -rf/],
    ['idempotent: true', 'idempotent: maybe', /one\.yaml:\d+: idempotent is not true or false/],
  ] as const) {
    writeFileSync(file, draft.replace(from, to));
    const { code, err } = await run(dir, 'test');
    assert.is(code, 1, from);
    assert.match(err.join('\n'), about);
  }
});

test('what it can’t do is said with the usage', async ({ dir }) => {
  for (const argv of [['show', 'nothing'], ['new', 'Not An Id'], ['frobnicate'], ['list', '--colour']]) {
    assert.is((await run(dir, ...argv)).code, 2, argv.join(' '));
  }
  assert.match((await run(dir, '--help')).out.join('\n'), /for example/);
});

test.run();
