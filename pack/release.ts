import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyPair } from '../broker/keys.ts';
import { makeRelease, writeReleaseFile } from '../broker/release.ts';
import { VERSION } from '../broker/version.ts';
import { below, fileOf, sumsOf, writeTarGz } from './archive.ts';
import { type Commit, PackError } from './commit.ts';
import { writeDeb } from './debian.ts';
import { manualOf } from './manual.ts';
import { productionModules } from './modules.ts';
import { type Built, debianTree, type Role, tarballTree } from './tree.ts';

export interface Packing {
  readonly root: string;
  readonly dist: string;
  /** For what is made on the way. */
  readonly work: string;
  readonly out: string;
  readonly commit: Commit;
  /** Signs the release of the agent that is brought over the mesh; null: none is made. */
  readonly key: KeyPair | null;
}

/** What `sentinel upgrade` takes. It is signed in itself, and no sum stands beside it. */
export const UPGRADE_FILE = `sentinel-agent_${VERSION}.upgrade`;

/** Writes the tarball and the Debian packages into `out`, and gives their names. Throws PackError. */
export async function packAll({ root, dist, work, out, commit, key }: Packing): Promise<readonly string[]> {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  if (version !== VERSION)
    throw new PackError('E_PACK_VERSION', `package.json says ${version}, broker/version.ts ${VERSION}: make them one`);
  const built: Built = {
    root,
    dist,
    bundle: bundleAgent(root, work),
    modules: productionModules(root),
    manual: await manualOf({ version: VERSION, time: commit.time }),
    release: releaseText(commit),
  };
  if (key !== null) {
    const made = makeRelease({ version: VERSION, label: built.release, code: readFileSync(built.bundle) }, key);
    writeFileSync(join(out, UPGRADE_FILE), writeReleaseFile(made));
  }
  const tree = tarballTree(built);
  const sums = sumsOf(tree);
  const folder = `sentinel-${VERSION}-linux-${process.arch}`;
  const name = `${folder}.tar.gz`;
  await writeTarGz(join(out, name), below(folder, [...tree, fileOf('SHA256SUMS', sums)]), commit.time);
  // Of all that is in it, as install.sh names it: two releases of one version never write into one folder.
  const release = `${VERSION}-${createHash('sha256').update(sums).digest('hex').slice(0, 12)}`;
  return [name, await packDeb('hub', built, release, out, commit), await packDeb('agent', built, release, out, commit)];
}

/** Debian's names of the processors for which Node has others. */
const DEBIAN_ARCH: Readonly<Record<string, string>> = { x64: 'amd64', arm: 'armhf' };

const ROLES = {
  hub: {
    architecture: DEBIAN_ARCH[process.arch] ?? process.arch,
    depends: 'nodejs (>= 20.19), libc6, libstdc++6, systemd',
    description: [
      'Sentinel hub: broker, incidents, reasoning and policy of a site',
      'Hears the agents of a site, finds out what broke, and proposes a repair that an',
      'operator approves. It needs no network but the site itself.',
    ],
  },
  agent: {
    // One file of JavaScript.
    architecture: 'all',
    depends: 'nodejs (>= 20.19), systemd',
    description: [
      'Sentinel agent: watches a host, and carries out what was approved',
      'A sensing agent that is not root, and an executor that runs approved repairs.',
    ],
  },
} as const;

async function packDeb(role: Role, built: Built, release: string, out: string, { time }: Commit): Promise<string> {
  const { architecture, depends, description } = ROLES[role];
  const script = (step: string) => {
    const text = readFileSync(join(built.root, 'pack/debian', `${role}.${step}`), 'utf8');
    return text.replaceAll('@RELEASE@', release).replaceAll('@VERSION@', VERSION);
  };
  const scripts = Object.fromEntries(['preinst', 'postinst', 'prerm', 'postrm'].map((step) => [step, script(step)]));
  const entries = debianTree(built, role);
  const name = `sentinel-${role}_${VERSION}_${architecture}.deb`;
  const deb = {
    name: `sentinel-${role}`,
    version: VERSION,
    architecture,
    depends,
    description,
    entries,
    conffiles: entries.map(({ path }) => path).filter((path) => path.startsWith('etc/')),
    scripts,
  };
  await writeDeb(join(out, name), deb, time);
  return name;
}

function bundleAgent(root: string, work: string): string {
  const bundle = join(work, 'sentinel-agent.cjs');
  const argv = [join(root, 'build-agent.mjs'), '--out', bundle];
  const { status, stderr } = spawnSync(process.execPath, argv, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new PackError('E_PACK_BUILD', `the agent's bundle could not be made: ${stderr}`);
  return bundle;
}

/** What is installed says what it is: `sentinel doctor` and the installers read it. */
const releaseText = ({ id, time, isChanged }: Commit): string =>
  `${JSON.stringify({ version: VERSION, commit: id, changed: isChanged, time: new Date(time * 1_000).toISOString(), arch: process.arch }, null, 2)}\n`;
