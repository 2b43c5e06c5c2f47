import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { auditCommand } from '../../hub/commands/audit.ts';
import { tempFolder } from '../broker/site.ts';
import { ran } from '../hub/made-site.ts';
import { type ProvableSite, provableSite } from '../hub/provable-site.ts';

const test = suite<{ folder: string; done: () => void; made: ProvableSite }>('evidence that was changed');
test.before.each(async (context) => {
  const { path: folder, done } = tempFolder();
  Object.assign(context, { folder, done, made: await provableSite(folder) });
});
test.after.each(({ done }) => done());

const check = (verifier: string, ...argv: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [verifier, ...argv], { encoding: 'utf8' });
  return { status, text: `${stdout}${stderr}` };
};
const exported = async ({ state }: ProvableSite, out: string, ...argv: string[]) => {
  const { code } = await ran(auditCommand, 'export', '--state', state.root, '--out', out, ...argv);
  assert.is(code, 0);
  return out;
};

test('a changed byte of any file, a file too many and one too few are named', async ({ folder, made }) => {
  const out = await exported(made, join(folder, 'bundle'), '--for', 'soc2');
  const own = join(folder, 'own');
  mkdirSync(own);
  // A verifier that was changed can't be believed: who checks takes the one that they have.
  const verifier = join(own, 'verify.mjs');
  cpSync(join(out, 'verify.mjs'), verifier);
  assert.is(check(verifier, out).status, 0);
  for (const name of readdirSync(out)) {
    const file = join(out, name);
    const good = readFileSync(file);
    for (const at of [0, Math.floor(good.length / 2), good.length - 2]) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ 1;
      writeFileSync(file, bad);
      const { status, text } = check(verifier, out);
      assert.is(status, 1, `${name}, byte ${at}: ${text}`);
      assert.match(text, new RegExp(`NOT GOOD: (?:.*/)?${name}`), `byte ${at}`);
    }
    writeFileSync(file, good);
  }
  writeFileSync(join(out, 'more.txt'), '');
  assert.match(check(verifier, out).text, /NOT GOOD: more\.txt: it is not in the manifest/);
  rmSync(join(out, 'more.txt'));
  rmSync(join(out, 'report.md'));
  assert.match(check(verifier, out).text, /NOT GOOD: report\.md: /);
});

test('a record of the whole chain changed, dropped or put elsewhere is named by its number', async ({
  folder,
  made,
}) => {
  const out = await exported(made, join(folder, 'bundle'), '--for', 'soc2');
  const file = join(out, 'proof.jsonl');
  const lines = readFileSync(file, 'utf8').split('\n');
  const told = (change: readonly string[]): string => {
    writeFileSync(file, change.join('\n'));
    const { status, text } = check(join(out, 'verify.mjs'));
    assert.is(status, 1);
    return text;
  };
  assert.match(told(lines.toSpliced(7, 1)), /record 8: record 7 is missing/);
  assert.match(told(lines.with(7, lines[8] ?? '')), /record 8: record 7 is missing/);
  assert.match(told(lines.slice(0, 20)), /record 20 is missing: the checkpoint covers 37/);
  assert.match(told(lines.with(9, (lines[9] ?? '').replace('"n":9', '"n":99'))), /record 99: it calls itself number 9/);
});

test('a changed byte in what proves one incident is named by its line and record', async ({ folder, made }) => {
  const file = join(folder, 'proof.jsonl');
  await ran(auditCommand, 'prove', made.incident, '--state', made.state.root, '--out', file);
  const verifier = join(await exported(made, join(folder, 'bundle'), '--for', 'soc2'), 'verify.mjs');
  const root = Buffer.from(made.site.root).toString('hex');
  const lines = readFileSync(file, 'utf8').split('\n');
  const changed = (line: number, by: (text: string) => string): string => {
    const spoilt = join(folder, 'spoilt.jsonl');
    writeFileSync(spoilt, lines.map((one, i) => (i === line ? by(one) : one)).join('\n'));
    const { status, text } = check(verifier, spoilt, '--root', root);
    assert.is(status, 1, text);
    return text;
  };
  const flip = (at: number) => (text: string) =>
    `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
  const third = lines[3] ?? '';
  assert.match(changed(3, flip(third.indexOf('"body":"') + 40)), /spoilt\.jsonl:4: record 8: /);
  assert.match(changed(3, flip(third.indexOf('"signature":"') + 20)), /:4: record 8: .*(?:signature|base64)/);
  assert.match(
    changed(3, (text) => text.replace(/"path":\["(..)/, '"path":["ee')),
    /:4: record 8: the checkpoint’s root/,
  );
  assert.match(
    changed(3, (text) => text.replace('"n":8', '"n":13')),
    /:4: record 13: it calls itself number 8/,
  );
  assert.match(
    changed(3, (text) => text.replace(/,"path":\[.*\]/, '')),
    /:4: record 8: its path is not of such a tree/,
  );
  assert.match(
    changed(3, () => lines[2] ?? ''),
    /:4: record 6: /,
  );
  const [head = ''] = lines;
  assert.match(changed(0, flip(head.indexOf('"roster":"') + 90)), /:1: the roster/);
  assert.match(changed(0, flip(head.indexOf('"checkpoint":"') + 90)), /:1: the checkpoint/);
  assert.match(
    changed(0, (text) => text.replace('"whole":false', '"whole":true')),
    /record 1 is missing/,
  );
});

test.run();
