import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUILT_IN_FOLDER, builtInRules } from '../../policy/built-in-rules.ts';
import { loadPolicy } from '../../policy/policy.ts';
import { treesOf } from '../../policy/rule-folder.ts';
import { parseRules } from '../../policy/rule-tree.ts';
import { rulesOf } from './made-rules.ts';

const test = suite('reading rule files');

test('rule files with values of the wrong type are refused, with their line', () => {
  const wrong = [
    '  df: { reason: 7 }',
    '  df: { numeric: perhaps }',
    '  df: { operands: 7 }',
    '  df: { operands: [[a]] }',
    '  df: { sub: [a] }',
    '  df: { flags: [a] }',
    '  df: { flags: { -a: [b] } }',
    '  df: { flags: { -a: 7 } }',
    '  df: { attribute: loud }',
    '  df: { operands: enum }',
    '  df: { operands: "enum(1..2)" }',
    '  df: { operands: "unit(x)" }',
    '  df: { operands: "match([)" }',
    '  df: { operands: "path-read([)" }',
    '  df: 7',
    '  7: x',
  ];
  for (const text of wrong) {
    try {
      rulesOf(text);
      assert.unreachable(text);
    } catch (error) {
      assert.match(error instanceof Error ? error.message : '', /^E_POLICY_SCHEMA x\.yaml:\d+: /, text);
    }
  }
});

test('tighten and lists of the wrong type are refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-edges-'));
  for (const text of [
    'tighten: 7',
    'tighten: [7]',
    'tighten: [{ decision: block }]',
    'tighten: [{ match: a }]',
    'protected_units: [{}]',
  ]) {
    writeFileSync(join(folder, 'x.yaml'), `family: x\n${text}\nexamples: {}\n`);
    try {
      await loadPolicy({ siteDir: folder });
      assert.unreachable(text);
    } catch (error) {
      assert.match(error instanceof Error ? error.message : '', /^E_POLICY_SCHEMA x\.yaml:\d+: /, text);
    }
  }
  rmSync(folder, { recursive: true });
});

test('the built rules are those that the files say, and a file that was edited since is read anew', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sentinel-trees-'));
  const trees = treesOf(BUILT_IN_FOLDER);
  for (const { file, tree } of builtInRules()) assert.equal(tree, trees[file]?.tree, file);
  const stale = Object.fromEntries(Object.entries(trees).map(([file, known]) => [file, { ...known, sha256: '' }]));
  writeFileSync(join(dir, 'stale.json'), JSON.stringify(stale));
  assert.ok(builtInRules(join(dir, 'stale.json')).every(({ tree }) => tree === undefined));
  assert.throws(() => builtInRules(join(dir, 'none.json')), /E_POLICY_READ|build the project again/);
  rmSync(dir, { recursive: true });
});

test('rules that are nothing, or have a list for a key, are told with their line', () => {
  assert.throws(() => parseRules('x.yaml', ''), /a rule file is a mapping/);
  const { entries } = parseRules('x.yaml', 'a: 1\n? [b]\n: 2\n');
  assert.equal(entries, [
    ['a', 1, { line: 1, value: 1 }],
    ['', 2, { line: 3, value: 2 }],
  ]);
});

test('a definition in two files, and keys that are no text, are refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-edges-'));
  writeFileSync(join(folder, 'a.yaml'), 'family: a\ncommands: { df: {} }\nexamples: {}\n');
  writeFileSync(join(folder, 'b.yaml'), 'family: b\ncommands: { df: {} }\nexamples: {}\n');
  const load = () =>
    loadPolicy({ rulesDir: folder }).then(
      () => '',
      (error: Error) => error.message,
    );
  assert.match(await load(), /E_POLICY_SCHEMA b\.yaml:\d: df is defined twice/);
  writeFileSync(join(folder, 'b.yaml'), 'family: b\n? [x]\n: y\nexamples: {}\n');
  assert.match(await load(), /E_POLICY_SCHEMA b\.yaml:\d: unknown key/);
  rmSync(folder, { recursive: true });
});

test.run();
