// Runs the compiled tests: one process per file, so that no file shares globals or hangs another.
// uvu alone is green for a file that forgets `.run()`, waits for ever on an open handle, and shares one process;
// this runner refuses the first, limits the second, and prints one total.
//   node test/run.mjs [--system] [--dist DIR] [NAME ...]      NAME: part of a file's path
// Properties are drawn from one printed seed: SEED=N repeats a run, SEED=random draws another.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

/** No file may take longer: the slowest takes three minutes on two cores, an installation and back (`test:system`). */
const FILE_LIMIT_MS = 600_000;

/** Any number would do: the seed is fixed so that the same commit always gives the same answer. */
const DEFAULT_SEED = 20_261_126;
const wanted = process.env.SEED ?? String(DEFAULT_SEED);
const seed = wanted === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(wanted);
if (!Number.isSafeInteger(seed)) {
  console.error(`SEED=${wanted} is no whole number; give one, or SEED=random`);
  process.exit(2);
}

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values, positionals } = parseArgs({
  options: { system: { type: 'boolean', default: false }, dist: { type: 'string', default: 'dist' } },
  allowPositionals: true,
});
const folder = join(root, values.dist, 'test');
const seeding = pathToFileURL(join(folder, 'seed.js')).href;

function* testFiles(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) yield* testFiles(path);
    else if (entry.name.endsWith('.test.js')) yield path;
  }
}

/** A compiled test whose source is gone is a leftover, not a test. */
const hasSource = (file) => {
  const source = join(root, relative(join(root, values.dist), file));
  return existsSync(source.replace(/\.js$/, '.ts')) || existsSync(source.replace(/\.js$/, '.tsx'));
};

const isSystem = (file) => relative(folder, file).startsWith('system/');
const files = [...testFiles(folder)]
  .filter(hasSource)
  .filter((file) => isSystem(file) === values.system)
  .filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)))
  .sort();

const total = { passed: 0, failed: 0, skipped: 0 };

function runFile(file) {
  const name = relative(folder, file);
  if (!/\.run\(\)/.test(readFileSync(file, 'utf8'))) {
    console.log(`✕ ${name}: has no .run(), so uvu would call it green`);
    total.failed++;
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const started = Date.now();
    const child = spawn(process.execPath, ['--enable-source-maps', '--import', seeding, file], {
      cwd: root,
      env: { ...process.env, CI: 'false', FORCE_COLOR: '0', SEED: String(seed), TEST_RUN_DIR: shared },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    let late = false;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    const timer = setTimeout(() => {
      late = true;
      process.kill(-child.pid, 'SIGKILL');
    }, FILE_LIMIT_MS);
    child.on('close', (code) => {
      clearTimeout(timer);
      const count = (label) => Number(new RegExp(`${label}:\\s+(\\d+)`).exec(output)?.[1] ?? 0);
      const ran = count('Total');
      const passed = count('Passed');
      const skipped = count('Skipped');
      const good = code === 0 && !late && ran > 0 && skipped === 0 && passed === ran;
      total.passed += passed;
      total.skipped += skipped;
      total.failed += good ? 0 : Math.max(1, ran - passed - skipped);
      console.log(`${good ? '✓' : '✕'} ${name}  ${passed}/${ran}  ${((Date.now() - started) / 1000).toFixed(1)} s`);
      if (late) console.log(`  took longer than ${FILE_LIMIT_MS / 1000} s: an open handle, or a wait without an end`);
      if (!good && ran === 0) console.log('  ran no test');
      if (skipped > 0) console.log(`  ${skipped} skipped: a skip is a failure here`);
      if (!good || skipped > 0) console.log(output.replace(/^/gm, '  | '));
      resolve();
    });
  });
}

/** What one file makes and others need as well, as a release that was packed; made by the first that needs it. */
const shared = mkdtempSync('/var/tmp/sentinel-test-run-');
process.once('exit', () => rmSync(shared, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

console.log(`seed ${seed}`);
const queue = [...files];
await Promise.all(
  Array.from({ length: Math.min(2, availableParallelism()) }, async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) await runFile(file);
  }),
);
if (files.length === 0) {
  console.log('no test file matches');
  total.failed++;
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);
