// Is package-lock.json complete for every platform? A mirror that holds only this platform's binaries makes `npm install`
// leave the others' optional packages out of the lock, and `npm ci` then refuses it everywhere.
//   node test/lockfile.mjs [--fix]     exits 1 and names what is missing; --fix adds it, with its platform, so that it is
//                                      skipped where it does not fit (a later `npm install` adds the integrity again)
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const file = join(dirname(dirname(fileURLToPath(import.meta.url))), 'package-lock.json');
const lock = JSON.parse(readFileSync(file, 'utf8'));
const { overrides = {} } = JSON.parse(readFileSync(join(dirname(file), 'package.json'), 'utf8'));

const OS = { darwin: /darwin|mac/, win32: /win32|\/win-/, android: /android/, linux: /linux/ };
const CPU = { arm64: /arm64/, x64: /x64/, arm: /-arm(v7l)?(-|$)/, ia32: /ia32/, riscv64: /riscv64/ };
const matching = (table, name) => Object.keys(table).filter((key) => table[key].test(name));

const missing = new Map();
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const found = [`${path}/node_modules/${name}`, `node_modules/${name}`].some((at) => lock.packages[at]);
    if (!found) missing.set(name, { version, dev: entry.dev });
  }
}
if (missing.size === 0) process.exit(0);
for (const name of missing.keys()) console.error(`package-lock.json: ${name} is missing`);
if (!process.argv.includes('--fix')) {
  console.error('`node test/lockfile.mjs --fix` adds what a mirror of one platform left out');
  process.exit(1);
}
for (const [name, { version, dev }] of missing) {
  // An override `npm:OTHER@VERSION` is locked under the name that it replaces.
  const [, real = name, exact = version] = /^npm:(.+)@([^@]+)$/.exec(overrides[name] ?? '') ?? [];
  lock.packages[`node_modules/${name}`] = {
    ...(real === name ? {} : { name: real }),
    version: exact,
    os: matching(OS, real).slice(0, 1),
    cpu: matching(CPU, real).slice(0, 1),
    ...(dev ? { dev } : {}),
    optional: true,
  };
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
