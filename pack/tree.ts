import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { below, type Entry, fileOf } from './archive.ts';
import type { Manual } from './manual.ts';
import { type Module, moduleEntries, noticeOf } from './modules.ts';

/** The rooms that a hub runs; tests, benches and what trains the model stay where they are built. */
const ROOMS = ['grammars', 'policy', 'broker', 'agent', 'hub', 'tui'] as const;

export type Role = 'hub' | 'agent';

/** What is packed, made and found. */
export interface Built {
  /** The checkout. */
  readonly root: string;
  /** Its compiled tree. */
  readonly dist: string;
  /** The agent's bundle. */
  readonly bundle: string;
  readonly modules: readonly Module[];
  readonly manual: Manual;
  /** What RELEASE.json says. */
  readonly release: string;
}

/** The hub as it lies in one folder: code, modules, model, documents. What is compiled and has no source is left out. */
export function hubTree(built: Built): readonly Entry[] {
  const { root, dist, modules } = built;
  const code = ROOMS.flatMap((room) => filesBelow(join(dist, room)))
    .map((file) => relative(dist, file))
    .filter((path) => isOfThisBuild(root, path));
  const read = (path: string) => fileOf(path, { file: join(root, path) });
  const docs = readdirSync(join(root, 'docs')).filter((name) => /\.(?:md|cddl|py|mjs)$/.test(name));
  return [
    ...['sentinel.js', ...code].map((path) => fileOf(`dist/${path}`, { file: join(dist, path) })),
    ...moduleEntries(root, modules),
    // What `sentinel model bench` answers, and the model that reasons unless another is chosen.
    ...['fixtures/scenarios/held-out.yaml', 'model/sentinel.gguf', 'model/sentinel.json'].map(read),
    ...docs.map((name) => read(`docs/${name}`)),
    ...manualTree(built, 'hub'),
    read('LICENSE'),
    fileOf('NOTICE', noticeOf(modules)),
    // A module's folder needs its kind beside it.
    fileOf('package.json', `${JSON.stringify({ name: 'sentinel', private: true, type: 'module' })}\n`),
    fileOf('RELEASE.json', built.release),
    fileOf('bin/sentinel', SENTINEL, 0o755),
    fileOf('bin/sentinel-backup', { file: join(root, 'pack/scripts/sentinel-backup') }, 0o755),
  ];
}

/** What was compiled or copied from a source that is gone is a leftover; JSON is what the build itself makes. */
function isOfThisBuild(root: string, path: string): boolean {
  const sources = path.endsWith('.js') ? [path.replace(/\.js$/, '.ts'), path.replace(/\.js$/, '.tsx')] : [path];
  return path.endsWith('.json') || (!path.endsWith('.map') && sources.some((source) => existsSync(join(root, source))));
}

/** What is called by a path that stays the same from release to release. */
const HUB_COMMANDS = ['sentinel', 'sentinel-backup'] as const;

/** Where it lies itself, whatever link it was called by. */
const SENTINEL = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec /usr/bin/node "$here/../dist/sentinel.js" "$@"
`;

/** The agent: one file, and how it is called. */
export const agentTree = (built: Built): readonly Entry[] => [
  fileOf('sentinel-agent.cjs', { file: built.bundle }),
  fileOf('bin/sentinel-agent', SENTINEL_AGENT, 0o755),
  fileOf('LICENSE', { file: join(built.root, 'LICENSE') }),
  fileOf('RELEASE.json', built.release),
  ...manualTree(built, 'agent'),
];

/** Below a prefix, as man(1) looks for it beside the `bin` of a PATH. */
const manualTree = ({ manual }: Built, role: Role): readonly Entry[] =>
  manual[role].map(({ name, text }) => fileOf(`share/man/man${name.at(-1)}/${name}`, text));

const SENTINEL_AGENT = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec /usr/bin/node "$here/../sentinel-agent.cjs" "$@"
`;

/** Units, accounts and empty settings of a role, as they lie in the tarball: `etc/` holds what the host's owner changes. */
export function roleFiles(root: string, role: Role): readonly Entry[] {
  const folder = join(root, role, 'units');
  const names = readdirSync(folder).sort();
  return names.map((name) => {
    const content = { file: join(folder, name) };
    return name.endsWith('.env') ? fileOf(`etc/${name}`, content, 0o640) : fileOf(`units/${name}`, content);
  });
}

/** All that the tarball holds, without its sums. */
export function tarballTree(built: Built): readonly Entry[] {
  const script = (name: string) => fileOf(name, { file: join(built.root, 'pack/scripts', name) }, 0o755);
  return [
    ...below('hub/opt', hubTree(built)),
    ...below('hub', roleFiles(built.root, 'hub')),
    ...below('agent/opt', agentTree(built)),
    ...below('agent', roleFiles(built.root, 'agent')),
    script('install.sh'),
    script('uninstall.sh'),
    fileOf('LICENSE', { file: join(built.root, 'LICENSE') }),
    fileOf('NOTICE', noticeOf(built.modules)),
    fileOf('INSTALL.md', { file: join(built.root, 'docs/install.md') }),
    fileOf('RELEASE.json', built.release),
  ];
}

/**
 * What a role puts where on a Debian host. dpkg puts file after file in place, links before files, so the hub's `package`
 * is nothing that runs: its postinst lays a release down from it, whole.
 */
export function debianTree(built: Built, role: Role): readonly Entry[] {
  const home = `opt/sentinel-${role}`;
  const units = roleFiles(built.root, role).map((entry) => {
    const name = entry.path.slice(entry.path.indexOf('/') + 1);
    if (name.endsWith('.env')) return { ...entry, path: `etc/sentinel-${role}/${name}` };
    if (name.endsWith('.sysusers'))
      return { ...entry, path: `usr/lib/sysusers.d/${name.replace('.sysusers', '.conf')}` };
    return { ...entry, path: `usr/lib/systemd/system/${name}` };
  });
  const called = role === 'hub' ? 'sentinel' : 'sentinel-agent';
  const opt: readonly Entry[] =
    role === 'hub'
      ? [
          ...below(`${home}/package`, hubTree(built)),
          ...HUB_COMMANDS.map(
            (name): Entry => ({ path: `${home}/bin/${name}`, kind: 'link', to: `../current/bin/${name}` }),
          ),
        ]
      : below(home, agentTree(built));
  // Packed as Debian has it (policy section 12.1), and without a time in it.
  const manual = built.manual[role].map(({ name, text }) =>
    fileOf(`usr/share/man/man${name.at(-1)}/${name}.gz`, gzipSync(text, { level: 9 })),
  );
  return [...units, ...opt, ...manual, { path: `usr/bin/${called}`, kind: 'link', to: `/${home}/bin/${called}` }];
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}
