import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { type Entry, fileOf } from './archive.ts';

/** A module that a hub in production loads. */
export interface Module {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly folder: string;
}

const names = z.record(z.string(), z.string()).default({});
const manifestShape = z.object({
  name: z.string(),
  version: z.string(),
  license: z.string().default('not stated'),
  os: z.array(z.string()).optional(),
  cpu: z.array(z.string()).optional(),
  libc: z.array(z.string()).optional(),
  dependencies: names,
  optionalDependencies: names,
  peerDependencies: names,
  peerDependenciesMeta: z.record(z.string(), z.object({ optional: z.boolean().optional() })).default({}),
});

const manifestOf = (folder: string) =>
  manifestShape.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));

/**
 * What the package in `root` needs to run, as it is installed there, in the order of folders: its dependencies, theirs, and
 * of the optional ones those made for this very platform. Throws for one that is missing: `npm ci` was not run.
 */
export function productionModules(root: string): readonly Module[] {
  const found = new Map<string, Module>();
  const follow = (folder: string): void => {
    const manifest = manifestOf(folder);
    const optional = new Set(Object.keys(manifest.optionalDependencies));
    const peers = Object.keys(manifest.peerDependencies).filter(
      (name) => manifest.peerDependenciesMeta[name]?.optional !== true,
    );
    const wanted = new Set([...Object.keys(manifest.dependencies), ...optional, ...peers]);
    for (const name of wanted) {
      // Declarations of types run nowhere.
      if (name.startsWith('@types/')) continue;
      const there = resolveModule(root, folder, name);
      if (there === null && optional.has(name)) continue;
      if (there === null) throw new Error(`${name}, which ${manifest.name} needs, is not installed: run npm ci`);
      const { version, license, ...rest } = manifestOf(there);
      if (found.has(there) || !isForHere(rest)) continue;
      found.set(there, { name, version, license, folder: there });
      follow(there);
    }
  };
  follow(root);
  return [...found.values()].sort((a, b) => (a.folder < b.folder ? -1 : 1));
}

/** As Node looks for it: beside the module that asks, then further up. */
function resolveModule(root: string, from: string, name: string): string | null {
  const base = realpathSync(join(root, 'node_modules'));
  for (let at = from; at.startsWith(base) && at !== base; at = join(at, '..')) {
    const nested = join(at, 'node_modules', name);
    if (existsSync(join(nested, 'package.json'))) return nested;
  }
  const top = join(base, name);
  return existsSync(join(top, 'package.json')) ? top : null;
}

/** The tarball is for the platform that packs it; the C library is Debian's. */
function isForHere({
  os,
  cpu,
  libc,
  name,
}: Pick<z.infer<typeof manifestShape>, 'os' | 'cpu' | 'libc' | 'name'>): boolean {
  // Prebuilt for one processor, though it may be installed on another, to build for it there.
  const built = /^@node-llama-cpp\/linux-(.+)$/.exec(name)?.[1];
  return (
    (os ?? [process.platform]).includes(process.platform) &&
    (cpu ?? [process.arch]).includes(process.arch) &&
    (libc ?? ['glibc']).includes('glibc') &&
    (built === undefined || built === process.arch)
  );
}

/** Sources, types and maps: nothing that a hub loads. */
const NOT_LOADED =
  /\.(?:ts|tsx|mts|cts|map|c|cc|cpp|h|hpp|gyp|gypi|md|markdown|flow|bundle|lock|tsbuildinfo)$|\.musl\.node$/i;
/** Directly in a module's folder. */
const NOT_NEEDED = new Set([
  'test',
  'tests',
  '__tests__',
  'example',
  'examples',
  'doc',
  'docs',
  'benchmark',
  'benchmarks',
]);
/** Of the bash grammar only what the policy loads: the WASM. The rest is 19 MB of the same for other loaders. */
const ONLY: Readonly<Record<string, RegExp>> = {
  'tree-sitter-bash': /^(?:package\.json|LICENSE|tree-sitter-bash\.wasm)$/,
};
const IS_LICENSE = /^(?:licen[cs]e|copying|notice)/i;

/** The files of these modules that are loaded, and their licences, below `node_modules/`. */
export function moduleEntries(root: string, modules: readonly Module[]): readonly Entry[] {
  const base = realpathSync(join(root, 'node_modules'));
  return modules.flatMap(({ name, folder }) =>
    filesOf(folder)
      .map((path) => relative(folder, path))
      .filter((path) => isLoaded(name, path))
      .map((path) => {
        const file = join(folder, path);
        const mode = (statSync(file).mode & 0o100) === 0 ? 0o644 : 0o755;
        return fileOf(`node_modules/${relative(base, file)}`, { file }, mode);
      }),
  );
}

function isLoaded(name: string, path: string): boolean {
  const [top = '', ...more] = path.split('/');
  if (more.length === 0 && IS_LICENSE.test(top)) return true;
  if (ONLY[name]?.test(path) === false) return false;
  return !(more.length > 0 && NOT_NEEDED.has(top)) && !NOT_LOADED.test(path);
}

/** A module's own files; what is nested in it is another module. */
function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name === 'node_modules' || entry.name.startsWith('.')) return [];
    return entry.isDirectory() ? filesOf(path) : entry.isFile() ? [path] : [];
  });
}

/** What the licences of the modules ask for: their names, and their texts as they came. */
export function noticeOf(modules: readonly Module[]): string {
  const parts = modules.map(({ name, version, license, folder }) => {
    const texts = readdirSync(folder)
      .filter((file) => IS_LICENSE.test(file) && statSync(join(folder, file)).isFile())
      .sort()
      .map((file) => readFileSync(join(folder, file), 'utf8').trim());
    return [`${name} ${version}: ${license}`, ...texts].join('\n\n');
  });
  const intro = 'Sentinel is under the licence in LICENSE. It brings these modules, each under its own:';
  return `${[intro, ...parts].join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}
