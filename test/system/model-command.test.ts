import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { randomLlama } from '../../fixtures/model/random-llama.ts';
import { modelCommand } from '../../hub/commands/model.ts';
import { type BenchRow, benchTable } from '../../hub/models/bench.ts';
import { chosenModel } from '../../hub/models/choice.ts';
import { readManifest } from '../../hub/models/manifest.ts';
import { limitsOf, recommendedFor } from '../../hub/models/recommended.ts';
import { thisMachine, threadsFor } from '../../hub/models/threads.ts';
import { openModel } from '../../hub/open-reasoners.ts';
import { tempFolder } from '../broker/site.ts';
import { ran } from '../hub/made-site.ts';

const heldOut = fileURLToPath(new URL('../../../fixtures/scenarios/held-out.yaml', import.meta.url));
const GIB = 1_073_741_824;
const { path: dir, done } = tempFolder();
const state = join(dir, 'state');
const models = join(state, 'models');
const gguf = join(dir, 'tiny.gguf');
randomLlama(gguf, { width: 32, layers: 1, feedForward: 64 });
const hash = createHash('sha256').update(readFileSync(gguf)).digest('hex');

/** As the front door runs it: what is thrown is an exit code of 2 and a coded line. */
async function run(...argv: string[]): Promise<{ code: number; out: string; error: string }> {
  try {
    const { code, lines, errors } = await ran(modelCommand, ...argv, '--state', state);
    return { code, out: lines.join('\n'), error: errors.join('\n') };
  } catch (error) {
    return {
      code: 2,
      out: '',
      error: error instanceof Error && 'code' in error ? `${error.code}: ${error.message}` : '',
    };
  }
}

const test = suite('sentinel model');

test('pulls a file, lists it, and lets it be chosen', async () => {
  const pulled = await run('pull', gguf, '--sha256', hash);
  assert.is(pulled.code, 0, pulled.error);
  assert.match(pulled.out, `tiny: sha256 ${hash}, loads`);
  assert.equal(readdirSync(models).sort(), ['models.json', 'tiny.gguf']);
  assert.is((await run('use', 'tiny')).code, 0);
  const listed = await run('list');
  assert.match(listed.out, /^\* tiny {3}0 MiB, 1 threads, sha256 /m);
  assert.match(listed.out, /none is fetched by itself/);
  const { used, from } = JSON.parse((await run('list', '--json')).out) as { used: boolean; from: string };
  assert.equal([used, from], [true, gguf]);
});

test('what was chosen is what a hub loads when nothing is typed, and only the file that was pulled', async () => {
  const chosen = await chosenModel(undefined, models);
  assert.equal(chosen, { file: join(models, 'tiny.gguf'), sha256: hash });
  assert.is(await chosenModel('none', models), null);
  assert.equal(await chosenModel('/elsewhere.gguf', models), { file: '/elsewhere.gguf' });
  const lines: string[] = [];
  const note = (line: string) => void lines.push(line);
  const log = { info: note, warn: note, error: note };
  const open = async () => openModel(chosen ?? { file: '' }, { playbooks: new Map() }, log);
  const model = await open();
  assert.is(model?.name, 'tiny');
  await model?.close();
  assert.is((await run('verify')).code, 0);
  appendFileSync(join(models, 'tiny.gguf'), 'x');
  assert.is(await open(), null);
  assert.match(lines.at(-1) ?? '', /going on with rules alone.*E_MODEL_LOAD.*not the file that was pulled/);
  const verified = await run('verify', 'tiny');
  assert.is(verified.code, 1);
  assert.match(verified.out, new RegExp(`NOT the file that was pulled, was ${hash}, is [0-9a-f]{64}`));
  assert.is((await run('pull', gguf)).code, 0, 'and pulling it again mends it');
  assert.is((await run('verify')).code, 0);
});

test('a file that aborts llama.cpp, is no model, or is another than named leaves nothing behind', async () => {
  const before = readdirSync(models).sort();
  const broken = join(dir, 'broken.gguf');
  randomLlama(broken, { drop: ['llama.feed_forward_length'] });
  const page = join(dir, 'page.gguf');
  writeFileSync(page, '<html>sign in</html>');
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['pull', broken], /^E_MODEL_CRASHED: .*SIGABRT/],
    [['pull', page], /^E_MODEL_SOURCE: .*no GGUF/],
    [['pull', gguf, '--name', 'other', '--sha256', '0'.repeat(64)], /^E_MODEL_HASH: .*was named/],
    [['pull', gguf, '--name', '../x'], /^E_MODEL_NAME/],
    [['pull', gguf, '--name', 'own'], /^E_MODEL_NAME/],
    [['pull', join(dir, 'absent.gguf')], /^E_MODEL_SOURCE: .*not there/],
    [['pull', dir], /^E_MODEL_SOURCE: .*no folder with a models\.json/],
    [['use', 'absent'], /^E_MODEL_GONE/],
    [['verify', 'absent'], /^E_USAGE/],
    [['pull', gguf, '--sha256', 'abc'], /^E_USAGE/],
    [['fetch'], /^E_USAGE/],
  ];
  for (const [argv, error] of cases) {
    const refused = await run(...argv);
    assert.is(refused.code, 2, argv.join(' '));
    assert.match(refused.error, error);
  }
  assert.equal(readdirSync(models).sort(), before);
});

test('a folder of models is carried to a machine without a network', async () => {
  const away = join(dir, 'away');
  const there = async (...argv: string[]) => ran(modelCommand, ...argv, '--state', away);
  assert.is((await there('pull', models, '--use')).code, 0);
  assert.is(readManifest(join(away, 'models')).use, 'tiny');
  assert.equal(readManifest(join(away, 'models')).models[0]?.sha256, hash);
  const again = await there('pull', models);
  assert.match(again.errors.join(), /here already/);
  const theirs = join(away, 'models', 'tiny.gguf');
  appendFileSync(theirs, 'x');
  assert.is((await there('pull', models)).code, 0);
  assert.ok(readFileSync(theirs).equals(readFileSync(gguf)), 'what is spoiled is mended by pulling again');
  const spoiled = join(dir, 'usb');
  mkdirSync(spoiled);
  writeFileSync(join(spoiled, 'models.json'), readFileSync(join(models, 'models.json')));
  randomLlama(join(spoiled, 'tiny.gguf'), { seed: 9, width: 32, layers: 1, feedForward: 64 });
  const third = join(dir, 'third');
  try {
    await ran(modelCommand, 'pull', spoiled, '--state', third);
    assert.unreachable('another file than the manifest names');
  } catch (error) {
    assert.is(error instanceof Error && 'code' in error ? error.code : '', 'E_MODEL_HASH');
  }
  assert.not(existsSync(join(third, 'models', 'tiny.gguf')));
});

test('a typed address is fetched, and a manifest that is not ours is named', async () => {
  const server = createServer((_, response) => response.end(readFileSync(gguf)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const pulled = await run('pull', `http://127.0.0.1:${port}/a/fetched.gguf?token=hunter2`, '--sha256', hash);
  server.closeAllConnections();
  server.close();
  assert.is(pulled.code, 0, pulled.error);
  const odd = await run('pull', 'http://127.0.0.1:1/%zz.gguf');
  assert.match(odd.error, /^E_MODEL_NAME/);
  const entry = readManifest(models).models.find(({ name }) => name === 'fetched');
  assert.equal([entry?.sha256, entry?.from], [hash, `http://127.0.0.1:${port}/a/fetched.gguf`]);
  for (const text of ['{', '{"version":2,"models":[]}', '{"version":1,"models":[{"name":"../../etc/x"}]}']) {
    writeFileSync(join(models, 'models.json'), text);
    assert.match((await run('list')).error, /^E_MODEL_MANIFEST: .*move it away/);
  }
});

test('models are held beside each other on scenarios, and one that does not load costs its own row', async () => {
  const scenarios = join(dir, 'two.json');
  const source = parse(readFileSync(heldOut, 'utf8')) as { readonly scenarios: readonly unknown[] };
  writeFileSync(scenarios, JSON.stringify({ ...source, scenarios: source.scenarios.slice(0, 2) }));
  const broken = join(dir, 'broken.gguf');
  const bench = await run('bench', gguf, broken, '--scenarios', scenarios, '--json');
  assert.is(bench.code, 1);
  assert.match(bench.error, /broken\.gguf: E_MODEL_CRASHED/);
  const row = JSON.parse(bench.out) as BenchRow;
  assert.equal([row.model, row.threads, row.scenarios, row.answered], ['tiny', 1, 2, 2]);
  for (const figure of [row.read_per_s, row.write_per_s, row.plan_p50_ms, row.plan_p95_ms])
    assert.ok((figure ?? 0) > 0);
  const [head = '', line = '', ...more] = benchTable([row]);
  assert.is(more.length, 0);
  assert.match(head, /^model +threads +open_ms/);
  assert.is(head.indexOf('threads'), line.indexOf('1'), 'columns stand below their names');
});

test('threads and recommendations are what machine and control group leave', () => {
  const machine = { processors: 16, perCore: 2, quota: Number.POSITIVE_INFINITY };
  assert.equal(
    [1, 4 * GIB].map((bytes) => threadsFor(bytes, machine)),
    [1, 7],
  );
  assert.is(threadsFor(4 * GIB, { ...machine, quota: 2.5 }), 2);
  assert.is(threadsFor(4 * GIB, { processors: 1, perCore: 2, quota: 0.5 }), 1);
  const files: Readonly<Record<string, string>> = {
    '/proc/self/cgroup': '0::/system.slice/sentinel-hub.service\n',
    '/sys/fs/cgroup/system.slice/sentinel-hub.service/cpu.max': 'max 100000\n',
    '/sys/fs/cgroup/system.slice/cpu.max': '150000 100000\n',
  };
  const read = (file: string) => files[file] ?? '';
  assert.is(thisMachine(read).quota, 1.5);
  assert.equal(limitsOf('memory.max', read), []);
  assert.equal(
    [2, 7.6, 15.4, 64].map((gib) => recommendedFor(gib * GIB)?.from ?? 0),
    [0, 8, 16, 32],
  );
});

test.after(done);
test.run();
