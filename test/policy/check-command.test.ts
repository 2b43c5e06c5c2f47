import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { policyCommand } from '../../policy/check-command.ts';

const test = suite('sentinel policy');

async function run(argv: readonly string[], input: readonly (string | Buffer)[] = []) {
  const out: string[] = [];
  const err: string[] = [];
  async function* stdin() {
    yield* input;
  }
  const code = await policyCommand(argv, { stdin: stdin(), stdout: (l) => out.push(l), stderr: (l) => err.push(l) });
  return { code, out, err: err.join('\n') };
}
const verdicts = (out: readonly string[]) => out.map((line) => JSON.parse(line));

test('one command: a line for a person, or JSON', async () => {
  const plain = await run(['check', 'df -h']);
  assert.is(plain.code, 0);
  assert.match(plain.out[0] ?? '', /^allow {2}df -h/);
  const json = await run(['check', '--json', 'rm -rf /']);
  assert.is(json.code, 1);
  const [row] = verdicts(json.out);
  assert.equal(Object.keys(row), ['id', 'verdict', 'rule', 'effect', 'reason', 'program']);
  assert.is(row.verdict, 'block');
});

test('a line shown to a person holds no control bytes', async () => {
  const { out } = await run(['check', 'ls \x1b[2J\u202e']);
  assert.match(out[0] ?? '', /^[\x20-\x7e]+$/);
});

test('lines: every one is answered, in order, split at line feeds only', async () => {
  const input = [
    'df -h\n',
    Buffer.from('rm -rf'),
    ' /\n\nls\r\n{"id":"a","cmd":"uptime\\n\\u0000"}\n{ ls; }\n{"id":7,"cmd":"free -m"}\n',
    '{"cmd":5}\ncaf',
    Buffer.from([0xc3]),
    Buffer.from([0xa9, 10]),
    'date',
  ];
  const { code, out } = await run(['check'], input);
  assert.is(code, 1);
  const rows = verdicts(out);
  assert.equal(
    rows.map((row) => row.id),
    [1, 2, 3, 4, 'a', 6, 7, 8, 9, 10],
  );
  assert.equal(
    rows.map((row) => row.verdict),
    ['allow', 'block', 'review', 'review', 'review', 'review', 'allow', 'review', 'review', 'allow'],
  );
  assert.is(rows[1].program.jobs.length, 1);
  assert.is(rows[5].program, null);
});

test('all allowed is exit 0, and - reads standard input', async () => {
  const { code, out } = await run(['check', '-'], ['df\nuptime\n']);
  assert.is(code, 0);
  assert.is(out.length, 2);
});

test('a line of many megabytes is answered', async () => {
  const { code, out } = await run(
    ['check'],
    Array.from({ length: 16 }, () => 'a'.repeat(1_000_000)),
  );
  assert.is(code, 1);
  assert.is(verdicts(out)[0].rule, 'subset.length');
});

test('an inventory makes names real', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-inventory-'));
  const file = join(folder, 'i.json');
  writeFileSync(file, JSON.stringify({ units: ['nginx.service'] }));
  assert.is((await run(['check', '--inventory', file, 'systemctl restart nginx'])).code, 0);
  assert.is((await run(['check', '--inventory', file, 'systemctl restart redis'])).code, 1);
  for (const text of ['{', '[]', '{"units":[1]}', '{"processes":[{"pid":"1"}]}']) {
    writeFileSync(file, text);
    const { code, err } = await run(['check', '--inventory', file, 'df']);
    assert.is(code, 2, text);
    assert.match(err, 'E_INVENTORY');
  }
  rmSync(folder, { recursive: true });
});

test('explain underlines what decided', async () => {
  const { code, out } = await run(['explain', 'uptime; cat /etc/shadow']);
  assert.is(code, 1);
  const [source, mark, verdict] = (out[0] ?? '').split('\n');
  assert.is(source, '  uptime; cat /etc/shadow');
  assert.is(mark, '              ^^^^^^^^^^^');
  assert.match(verdict ?? '', /^review: /);
  assert.match((await run(['explain', 'systemctl stop nginx'])).out[0] ?? '', /try +systemctl status/);
});

test('wrong use is exit 2 with the usage; help is exit 0', async () => {
  for (const argv of [
    [],
    ['frob'],
    ['check', '--frob'],
    ['check', 'ls', '-la'],
    ['check', 'a', 'b'],
    ['explain'],
    ['check', '--policy', '/nonexistent', 'df'],
  ]) {
    const { code, err } = await run(argv);
    assert.is(code, 2, argv.join(' '));
    assert.match(err, 'sentinel policy');
  }
  assert.is((await run(['-h'])).code, 0);
  assert.is(verdicts((await run(['check'], ['{"cmd":"df"}\n'])).out)[0].id, null);
  const help = await run(['check', '--help']);
  assert.is(help.code, 0);
  assert.match(help.out[0] ?? '', 'Example:');
});

test.run();
