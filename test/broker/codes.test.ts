import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CODE_SECTIONS, codeEntry, codeNames } from '../../broker/codes/all.ts';
import { explainCommand } from '../../broker/codes/explain-command.ts';
import { codesPage } from '../../broker/codes/page.ts';
import { UsageError } from '../../broker/command-line.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const ROOMS = ['agent', 'broker', 'grammars', 'hub', 'model', 'pack', 'policy', 'tui'];
/** Not the end of a longer name in capitals, such as MOVE_MS. */
const CODE = /(?<![A-Z0-9_])E_[A-Z][A-Z0-9_]+/g;
/** Comments, and types that say which codes there may be: neither says a code to anyone. */
const SAYS_NOTHING = /^\s*(?:\*|\/\*|\/\/|\| '|readonly code: '|(?:export )?type \w+ =)/;

const FRONT_DOOR = fileURLToPath(new URL('../../sentinel.js', import.meta.url));

const test = suite('error codes');

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (path.endsWith('/broker/codes')) continue;
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (/\.(?:tsx?|mjs|sh|postinst|preinst|postrm|prerm)$/.test(path)) yield path;
  }
}

/** The codes that the product says, with a file of each. */
function saidCodes(): Map<string, string> {
  const said = new Map<string, string>();
  for (const file of [`${root}sentinel.ts`, ...ROOMS.flatMap((room) => [...filesBelow(root + room)])]) {
    const lines = readFileSync(file, 'utf8').split('\n');
    const saying = lines.filter((line) => !SAYS_NOTHING.test(line));
    for (const [code] of saying.join('\n').matchAll(CODE)) said.set(code, file.slice(root.length));
  }
  return said;
}

test('every code that the product says is in the table, and the table has no other', () => {
  const said = saidCodes();
  assert.ok(said.size > 200, `${said.size} codes found`);
  assert.equal(
    [...said].filter(([code]) => codeEntry(code) === undefined).map(([code, file]) => `${code} in ${file}`),
    [],
  );
  assert.equal(
    codeNames().filter((code) => !said.has(code)),
    [],
  );
  assert.is(new Set(codeNames()).size, codeNames().length, 'a code stands in two sections');
});

test('every code that a page speaks of is in the table', () => {
  const pages = ['README.md', 'CHANGELOG.md', ...readdirSync(`${root}docs`).map((name) => `docs/${name}`)];
  const unknown = pages
    .filter((name) => name.endsWith('.md'))
    .flatMap((name) => [...readFileSync(root + name, 'utf8').matchAll(CODE)].map(([code]) => `${code} in ${name}`))
    .filter((said) => codeEntry(said.split(' ')[0] ?? '') === undefined);
  assert.equal(unknown, []);
});

test('docs/errors.md is what the table says: `npm run pages` writes it', () => {
  assert.is(readFileSync(`${root}docs/errors.md`, 'utf8'), codesPage());
});

test('an entry is two sentences that fit into a row', () => {
  for (const { codes } of CODE_SECTIONS)
    for (const [code, { what, todo }] of Object.entries(codes))
      for (const text of [what, todo]) {
        assert.match(text, /^[^|\n]{5,200}\.$/, code);
        assert.is((text.match(/`/g) ?? []).length % 2, 0, `${code}: an odd number of backticks`);
      }
});

async function explain(...argv: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    stdout: (line: string) => void out.push(line),
    stderr: (line: string) => void err.push(line),
    stdin: (async function* () {})(),
    signal: new AbortController().signal,
  };
  return { code: await explainCommand(argv, io), out, err };
}

test('`sentinel explain` says what a code means, however it was typed', async () => {
  const { what, todo } = codeEntry('E_STORE_WRITE') ?? { what: '', todo: '' };
  for (const typed of ['E_STORE_WRITE', 'e_store_write', 'store_write']) {
    const { code, out } = await explain(typed);
    assert.equal([code, out], [0, [`E_STORE_WRITE\n  ${what}\n  -> ${todo}`]]);
  }
  const json = await explain('--json', 'E_STORE_WRITE');
  assert.equal(JSON.parse(json.out[0] ?? ''), { code: 'E_STORE_WRITE', what, todo });
  assert.is((await explain('--json')).out.length, codeNames().length);
  assert.is((await explain()).out.length, codeNames().length + CODE_SECTIONS.length);
});

test('a code that is none is refused with those of the same beginning', async () => {
  const { code, out, err } = await explain('E_STORE_FULL', 'E_USAGE', 'ENOSPC');
  assert.is(code, 1);
  assert.is(out.length, 1, 'the others are still said');
  assert.match(err[0] ?? '', /no code "E_STORE_FULL"; there are E_STORE_OPEN, .*E_STORE_BUDGET/);
  assert.match(err[1] ?? '', /no code "E_ENOSPC": `sentinel explain` lists them/);
  await explain('--markdown', 'E_USAGE').then(
    () => assert.unreachable(),
    (error: unknown) => assert.instance(error, UsageError),
  );
});

test('`sentinel help` knows commands and codes', () => {
  const help = (...argv: string[]) =>
    spawnSync(process.execPath, [FRONT_DOOR, 'help', ...argv], { encoding: 'utf8', timeout: 60_000 });
  assert.match(help('E_STORE_WRITE').stdout, codeEntry('E_STORE_WRITE')?.todo ?? 'no entry');
  assert.match(help('explain').stdout, 'sentinel explain [CODE...]');
  const unknown = help('no-such-command');
  assert.equal([unknown.status, unknown.stdout], [2, '']);
  assert.match(unknown.stderr, 'no command "no-such-command"');
});

test.run();
