import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const page = readFileSync(`${root}docs/threat-model.md`, 'utf8');
const test = suite('docs/threat-model.md');

/** The rows of the table below a heading, without its two first lines. */
const rowsOf = (heading: string): string[] => {
  const [, part = ''] = page.split(`## ${heading}\n`);
  const [own = ''] = part.split('\n## ');
  return own
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2);
};

test('every test that is named is there, and has something to run', () => {
  const names = [...page.matchAll(/test\/[a-z0-9/-]+\.test\.ts/g)].map(([name]) => name);
  assert.ok(names.length > 40, `${names.length} names`);
  for (const name of new Set(names)) assert.match(readFileSync(root + name, 'utf8'), /\b\w+\.run\(\);/, name);
});

test('every threat and every way to execution names a test that shows its barrier', () => {
  for (const heading of ['Threats', 'Every way to execution']) {
    const rows = rowsOf(heading);
    assert.ok(rows.length >= 7, heading);
    for (const row of rows)
      assert.match(row, /`test\/[a-z0-9/-]+\.test\.ts` \|$|`test\/[a-z0-9/-]+\.test\.ts`(?:, `test[^|]*`)* \|$/, row);
  }
});

test('every compromise says what becomes of every kind of key', () => {
  const rows = rowsOf('What each compromise costs');
  assert.ok(rows.length >= 7);
  for (const row of rows) assert.is(row.split('|').length, 8, row);
});

test('nothing but the agent’s own starts what an order names: runProgram is called in one place', () => {
  const calls = [...filesBelow(`${root}agent`), ...filesBelow(`${root}hub`), ...filesBelow(`${root}broker`)].filter(
    (file) => /\brunProgram\(/.test(readFileSync(file, 'utf8')) && !file.endsWith('agent/run-program.ts'),
  );
  assert.equal(
    calls.map((file) => file.slice(root.length)),
    ['agent/execute.ts'],
  );
});

test('the hub starts no process but copies of itself, to look at a store and to try a model, and a word to systemd', () => {
  const starts = [...filesBelow(`${root}hub`), ...filesBelow(`${root}broker`)].flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    if (!/from 'node:child_process'/.test(text)) return [];
    const programs = [...text.matchAll(/\b(?:spawn|spawnSync|execFile|fork)\(\s*([^,]+),/g)].map(([, first]) => first);
    return [[file.slice(root.length), ...programs]];
  });
  assert.equal(starts.sort(), [
    ['hub/reason/llama-probe.ts', 'process.execPath'],
    ['hub/service-manager.ts', "'systemd-notify'"],
    ['hub/store/damage.ts', 'process.execPath'],
  ]);
});

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (/\.tsx?$/.test(entry.name)) yield path;
  }
}

test.run();
