// Compiles to dist/ and copies the data files that modules read from beside themselves (YAML rules, playbooks, grammars, the verifier of exported records).
//   node build.mjs [--if-stale] [--out DIR]
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: { 'if-stale': { type: 'boolean' }, out: { type: 'string', default: 'dist' } },
});
const out = join(root, values.out);
const stamp = join(out, '.built');
const rooms = ['grammars', 'policy', 'broker', 'agent', 'hub', 'tui', 'fixtures', 'model', 'bench', 'pack', 'test'];

/** Every file under a room, with no dependency and no glob: Node 20 has no fs.globSync. */
function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else yield path;
  }
}

const sources = [
  ...rooms
    .map((room) => join(root, room))
    .filter(existsSync)
    .flatMap((room) => [...files(room)]),
  ...['sentinel.ts', 'tsconfig.json', 'package.json'].map((name) => join(root, name)).filter(existsSync),
];

function isStale() {
  if (!existsSync(stamp)) return true;
  const built = statSync(stamp).mtimeMs;
  return sources.some((source) => statSync(source).mtimeMs > built);
}

if (!values['if-stale'] || isStale()) {
  const started = Date.now();
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  if (!existsSync(tsc)) {
    console.error('build: typescript is not installed. Run `npm ci` (not `npm ci --omit=dev`) first.');
    process.exit(2);
  }
  // First of all: a build that fails or is killed must not leave it beside code that nothing was tried with.
  const tried = join(out, 'policy/rules-tried.json');
  rmSync(tried, { force: true });
  const run = spawnSync(process.execPath, [tsc, '--outDir', out], { cwd: root, stdio: 'inherit' });
  if (run.status !== 0) process.exit(run.status ?? 1);
  for (const source of sources.filter((path) => path.endsWith('.yaml') || path.endsWith('verify.mjs'))) {
    const target = join(out, source.slice(root.length));
    mkdirSync(dirname(target), { recursive: true });
    cpSync(source, target);
  }
  const { treesOf } = await import(pathToFileURL(join(out, 'policy/rule-folder.js')).href);
  writeFileSync(join(out, 'policy/rules.json'), JSON.stringify(treesOf(join(root, 'policy/rules'))));
  // Rules that keep their own examples are noted, so that a start does not try them again; others are tried, and refused.
  const { loadRules } = await import(pathToFileURL(join(out, 'policy/load-rules.js')).href);
  const { tryPolicy } = await import(pathToFileURL(join(out, 'policy/policy.js')).href);
  const { triedHash } = await import(pathToFileURL(join(out, 'policy/tried-rules.js')).href);
  const { policy, broken } = await tryPolicy({});
  if (broken.length === 0) writeFileSync(tried, JSON.stringify({ hash: triedHash(loadRules().builtIn) }));
  const { BUILT_FILE, buildPlaybooks } = await import(pathToFileURL(join(out, 'hub/playbook/built.js')).href);
  const playbooks = join(out, 'hub/playbooks');
  const built = buildPlaybooks(playbooks, policy.hash, (command) => policy.check(command, null).decision);
  writeFileSync(join(playbooks, BUILT_FILE), JSON.stringify(built));
  writeFileSync(stamp, '');
  console.error(`built in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}
