import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRules } from '../../policy/load-rules.ts';
import { loadPolicy, PolicyError, tryPolicy } from '../../policy/policy.ts';
import { triedHash, wereTried } from '../../policy/tried-rules.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const BUILT = fileURLToPath(new URL('../../', import.meta.url));
const NOTE = 'rules-tried.json';

const test = suite<{ folder: string }>('rules that the build has tried', { folder: '' });
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'sentinel-tried-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

/** The built policy and its grammars in a folder of their own, to be damaged; answers where the policy lies. */
function copyTo(folder: string): string {
  for (const room of ['policy', 'grammars'])
    cpSync(join(BUILT, room), join(folder, room), { recursive: true, filter: (path) => !path.endsWith('.map') });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  return join(folder, 'policy');
}

function edit(file: string, from: string | RegExp, to: string): void {
  const text = readFileSync(file, 'utf8');
  const edited = text.replace(from, to);
  assert.is.not(edited, text, `${file} has no ${from}`);
  writeFileSync(file, edited);
}

/** How the policy of a folder loads: `loads`, or the code of its refusal. */
async function loading(policy: string): Promise<string> {
  const load = ({ href }: URL) => import(href) as Promise<{ readonly loadPolicy: () => Promise<unknown> }>;
  const { loadPolicy: own } = await load(pathToFileURL(join(policy, 'policy.js')));
  return own().then(
    () => 'loads',
    (thrown: unknown) => (thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown)),
  );
}

test('the build notes what it has tried, and whoever asks for the examples has them all tried', async () => {
  assert.ok(wereTried(loadRules().builtIn));
  assert.not(wereTried('0'.repeat(64)), 'other rules were not');
  const { examples, broken } = await tryPolicy({});
  assert.ok(examples > 1_000);
  assert.equal(broken, []);
});

test('a site’s examples are tried all the same, and so are built-in rules that are not as they were', async ({
  folder,
}) => {
  const wrong = 'family: plant\nexamples:\n  allow: [rm -rf /srv]\n';
  writeFileSync(join(folder, 'plant.yaml'), wrong);
  assert.ok(wereTried(loadRules({ siteDir: folder }).builtIn));
  for (const options of [{ siteDir: folder }, { rulesDir: folder }]) {
    const error = await loadPolicy(options).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof PolicyError && error.code === 'E_POLICY_EXAMPLE', String(error));
  }
});

test('a whole copy is as it was tried; with a tree or a piece of code damaged it is tried, and refused', async ({
  folder,
}) => {
  const { builtIn } = loadRules();
  const whole = copyTo(join(folder, 'whole'));
  assert.ok(wereTried(builtIn, whole));
  assert.is(await loading(whole), 'loads');

  const tree = copyTo(join(folder, 'tree'));
  edit(join(tree, 'rules.json'), '["users",', '["resus",');
  assert.not(wereTried(builtIn, tree));
  assert.is(await loading(tree), 'E_POLICY_EXAMPLE');

  const code = copyTo(join(folder, 'code'));
  edit(join(code, 'judge.js'), /decision: 'block'/g, "decision: 'review'");
  assert.not(wereTried(builtIn, code));
  assert.is(await loading(code), 'E_POLICY_EXAMPLE');

  for (const file of ['policy/damage.js', 'grammars/bash.js']) {
    const other = copyTo(join(folder, file.replace('/', '-')));
    writeFileSync(join(other, '..', file), '\n', { flag: 'a' });
    assert.not(wereTried(builtIn, other), file);
  }
});

test('a note that is missing or makes no sense is none', ({ folder }) => {
  const policy = copyTo(folder);
  const { builtIn } = loadRules();
  for (const note of ['{"hash":7}', '{', 'null', JSON.stringify({ hash: builtIn })]) {
    writeFileSync(join(policy, NOTE), note);
    assert.not(wereTried(builtIn, policy), note);
  }
  writeFileSync(join(policy, NOTE), JSON.stringify({ hash: triedHash(builtIn, policy) }));
  assert.ok(wereTried(builtIn, policy));
  rmSync(join(policy, NOTE));
  assert.not(wereTried(builtIn, policy));
});

test('a build takes the note away before it writes any code', async ({ folder }) => {
  const note = join(folder, 'policy', NOTE);
  mkdirSync(join(folder, 'policy'));
  writeFileSync(note, '{}');
  const build = spawn(process.execPath, [join(ROOT, 'build.mjs'), '--out', relative(ROOT, folder)], {
    detached: true,
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => build.once('exit', resolve));
  while (existsSync(note) && build.exitCode === null) await sleep(5);
  const written = readdirSync(join(folder, 'policy'));
  // Killed with its compiler, as a build may be at any moment.
  process.kill(-Number(build.pid), 'SIGKILL');
  await ended;
  assert.equal(written, []);
});

test.run();
