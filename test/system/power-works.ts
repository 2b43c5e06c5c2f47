import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { FORMAT } from '../../hub/store/format.ts';
import type { Installed } from './installed.ts';
import type { PoweredHost } from './powered-host.ts';
import { VERSIONS } from './releases.ts';

export const STICK = '/media/stick';
const HOME = '/opt/sentinel-hub';
export const STATE = '/var/lib/sentinel-hub';
const STORE = `${STATE}/hub/store`;
const BACKUPS = '/var/backups/sentinel';
const PASS = '/var/lib/backup.pass';
/** The state folder of a hub of 0.1.0, whose store a hub of today has to migrate; and that of this host's own. */
const OLD = '/var/lib/of-0.1.0';
const OWN = '/var/lib/own';
const FIXTURE = fileURLToPath(new URL('../../../fixtures/stores/0.1.0/', import.meta.url));

/** A place in a work at which the power fails. */
export interface Step {
  readonly name: string;
  readonly begun: (host: PoweredHost) => boolean;
  /** It is a step of the work when what is brought never speaks. */
  readonly isMute?: true;
}

/** Something that a person starts, and that has to survive a power cut in each of its steps. */
export interface Work {
  readonly name: string;
  /** Whether the host has Debian's packages, or the tarball. */
  readonly host: 'packages' | 'tarball';
  readonly steps: readonly Step[];
  /** Readies the host for a cut in this step, and gives the command. */
  readonly begin: (host: Installed, step: Step) => readonly string[];
  /** After the next boot: the system has started, says what happened, and the same command brings the work to its end. */
  readonly after: (host: Installed, argv: readonly string[]) => Promise<void>;
}

/** The hub is there, of one release, whole, and its store is one that it can verify from the first record on. */
export async function works(host: Installed): Promise<void> {
  await host.until(() => host.isActive('sentinel-hub') || undefined, 'the hub');
  const release = host.must('readlink', `${HOME}/current`).trim();
  assert.ok(
    VERSIONS.some((version) => release.startsWith(`releases/${version}-`)),
    release,
  );
  assert.match(host.must('cat', `/proc/${host.property('sentinel-hub', 'MainPID')}/maps`), release);
  assert.match(host.sentinel('audit', 'verify'), /^\d+ records, chain and signatures good/m);
}

const versionIn = (host: Installed): string =>
  host.must('readlink', `${HOME}/current`).replace(/^releases\/|-.*\s*$/gs, '');
const otherVersion = (host: Installed): string => VERSIONS.find((version) => version !== versionIn(host)) ?? '';

const isThere = (host: Installed, path: string): boolean => host.system.run(['test', '-e', path]).status === 0;
const hubLog = (host: Installed): string => host.must('journalctl', '-u', 'sentinel-hub', '-o', 'cat', '--no-pager');
const findings = (host: Installed): string =>
  host.system.run(['sentinel', 'doctor', '--json', '--state', STATE]).stdout;

async function afterInstall(host: Installed, argv: readonly string[]): Promise<void> {
  await works(host);
  if (isThere(host, `${HOME}/installing`)) {
    assert.match(hubLog(host), /an installation was cut short; what runs is whole.*E_INSTALL_CUT/);
    assert.match(findings(host), /"check":"install","ok":false,"what":"the installation of [\d.]+ was cut short/);
  }
  const version = VERSIONS.find((one) => argv.some((word) => word.includes(`${STICK}/${one}/`)));
  host.must(...argv);
  await works(host);
  assert.is(versionIn(host), version);
  assert.match(findings(host), /"check":"install","ok":true/);
  assert.is(host.must('find', HOME, '-maxdepth', '2', '-name', '*.new*', '-o', '-name', '*.dpkg-*'), '');
}

const isAt = (version: string, host: PoweredHost): boolean =>
  host.link(`${HOME}/current`).startsWith(`releases/${version}-`);

/** The steps that install.sh and the package have in common. `to` is the version that is being installed. */
const installSteps = (to: () => string): readonly Step[] => [
  { name: 'is marked', begun: (host) => host.has(`${HOME}/installing`) },
  { name: 'release is laid down', begun: (host) => host.has(`${HOME}/releases/.new`) },
  { name: 'link is put over', begun: (host) => isAt(to(), host) },
  { name: 'hub is started again', begun: (host) => isAt(to(), host) && !host.has(`${HOME}/installing`) },
];

function installing(host: Work['host']): Work {
  let to = '';
  const packages = host === 'packages';
  const unpacked: Step = {
    name: 'files are unpacked',
    begun: (one) => one.has(`${HOME}/package/dist/sentinel.js.dpkg-new`),
  };
  return {
    name: packages ? 'dpkg' : 'install.sh',
    host,
    steps: [...installSteps(() => to), ...(packages ? [unpacked] : [])],
    begin: (installed) => {
      to = otherVersion(installed);
      return packages ? ['dpkg', '-i', debOf(installed, to)] : ['sh', `${STICK}/${to}/tree/install.sh`, 'hub'];
    },
    after: async (installed, argv) => {
      await afterInstall(installed, argv);
      if (packages) assert.is(installed.must('dpkg', '--audit'), '');
    },
  };
}

export function debOf(host: Installed, version: string, role: 'hub' | 'agent' = 'hub'): string {
  const folder = `${STICK}/${version}`;
  const name = readdirSync(host.system.path(folder)).find(
    (one) => one.startsWith(`sentinel-${role}_`) && one.endsWith('.deb'),
  );
  return `${folder}/${name}`;
}

const asHub = (...argv: string[]): readonly string[] => ['runuser', '-u', 'sentinel', '--', 'sentinel', ...argv];
const unfinished = (host: PoweredHost): readonly string[] =>
  host.names(BACKUPS).filter((name) => name.endsWith('.part'));

const backup: Work = {
  name: 'backup',
  host: 'tarball',
  steps: ['store/data.mdb', 'sealed.cbor', 'manifest.cbor'].map((file) => ({
    name: `${file} is written`,
    begun: (host) => unfinished(host).some((name) => host.has(`${BACKUPS}/${name}/${file}`)),
  })),
  begin: () => asHub('backup', BACKUPS, '--state', STATE, '--passphrase-file', PASS),
  after: async (host, argv) => {
    await works(host);
    const names = readdirSync(host.system.path(BACKUPS));
    for (const name of names.filter((one) => one.endsWith('Z')))
      host.sentinel('restore', `${BACKUPS}/${name}`, '--check');
    const said = host.must(...argv);
    for (const name of names.filter((one) => one.endsWith('.part')))
      assert.ok(said.includes(`${name} beside it is no backup: it was cut short`), said);
    host.must('sh', '-c', `rm -rf ${BACKUPS}/*.part`);
  },
};

const restore: Work = {
  name: 'restore',
  host: 'tarball',
  steps: [
    { name: 'copy is staged', begun: (host) => host.has(`${STORE}-restored`) },
    { name: 'is marked', begun: (host) => host.has(`${STATE}/hub/restoring`) },
    { name: 'store is moved aside', begun: (host) => asideOf(host).length > 0 },
    { name: 'store is in its place', begun: (host) => asideOf(host).length > 0 && host.has(`${STORE}/data.mdb`) },
  ],
  begin: (host) => {
    host.must('systemctl', 'stop', 'sentinel-hub');
    host.must('sh', '-c', `rm -rf ${STORE}-before-*`);
    const newest = readdirSync(host.system.path(BACKUPS))
      .filter((name) => name.endsWith('Z'))
      .sort()
      .at(-1);
    return asHub('restore', `${BACKUPS}/${newest}`, '--replace', '--state', STATE, '--passphrase-file', PASS);
  },
  after: async (host, argv) => {
    if (isThere(host, `${STATE}/hub/restoring`)) {
      const cut = /a restore of \S+ into \S+ was cut short: run sentinel restore again/;
      await host.until(() => cut.test(hubLog(host)) || undefined, 'the hub to say why it does not start');
      assert.match(findings(host), /"check":"store","ok":false,"what":"a restore of \S+ into \S+ was cut short/);
      host.must('systemctl', 'stop', 'sentinel-hub');
      host.must(...argv);
      host.must('systemctl', 'reset-failed', 'sentinel-hub');
      host.must('systemctl', 'start', 'sentinel-hub');
    }
    await works(host);
  },
};

const asideOf = (host: PoweredHost): readonly string[] =>
  host.names(`${STATE}/hub`).filter((name) => name.startsWith('store-before-'));

/** Counts the migrations that the chain tells of, with the format that the store says it has. */
const COUNT = `
import { Store } from '${HOME}/current/dist/hub/store/store.js';
import { readAudit } from '${HOME}/current/dist/hub/chain/audit.js';
const store = new Store('${STORE}', 'read');
const all = [...store.audit.getRange({})].map(({ value }) => readAudit(value).kind);
console.log(all.filter((kind) => kind === 'store.migrated').length, store.meta.get('format')?.format);
await store.close();
`;

/** The hub's account in a folder that is there: nsenter leaves none. */
const AT_ROOT = ['runuser', '-u', 'sentinel', '--', 'env', '-C', '/'] as const;

const putState = (host: Installed, from: string): string => {
  host.must('systemctl', 'stop', 'sentinel-hub');
  return host.must('sh', '-e', '-c', `rm -rf ${STATE}/* && cp -a ${from}/. ${STATE}/ && sync`);
};

const migration: Work = {
  name: 'migration',
  host: 'tarball',
  steps: [
    { name: 'hub begins', begun: (host) => host.has(`${STATE}/hub/running`) },
    { name: 'store is opened', begun: (host) => host.has(`${STORE}/lock.mdb`) },
    { name: 'hub lets operators in', begun: (host) => host.has(`${STATE}/hub/act.sock`) },
  ],
  begin: (host) => {
    putState(host, OLD);
    return ['systemctl', 'start', 'sentinel-hub'];
  },
  after: async (host) => {
    await works(host);
    const counted = host.must(...AT_ROOT, 'node', '--input-type=module', '-e', COUNT);
    assert.is(counted.trim(), `${FORMAT - 1} ${FORMAT}`);
    putState(host, OWN);
    host.must('systemctl', 'start', 'sentinel-hub');
    await works(host);
  },
};

export const WORKS: readonly Work[] = [installing('tarball'), installing('packages'), backup, restore, migration];

/** Installs this version, makes a site, and starts its hub; on the host with the tarball also what the works begin with. */
export async function begin(host: Installed, how: Work['host']): Promise<void> {
  const [now] = VERSIONS;
  if (how === 'packages') host.must('dpkg', '-i', `${STICK}/nodejs.deb`, debOf(host, now));
  else host.must('sh', `${STICK}/${now}/tree/install.sh`, 'hub');
  host.must('install', '-d', '-m', '0700', '-o', 'sentinel', '/run/root');
  host.write(PASS, 'four words are enough\n');
  host.must('chown', 'sentinel', PASS);
  const root = ['--root-key', '/run/root/plant.pem', '--passphrase-file', PASS];
  host.sentinel('init', '--name', 'plant', '--address', '127.0.0.1', '--operator', 'ann', '--id', 'hub', ...root);
  host.must('systemctl', 'enable', '--quiet', '--now', 'sentinel-hub');
  await works(host);
  if (how === 'packages') return;
  host.must('install', '-d', '-o', 'sentinel', BACKUPS);
  host.sentinel('backup', BACKUPS, '--passphrase-file', PASS);
  host.must('systemctl', 'stop', 'sentinel-hub');
  host.must('cp', '-a', STATE, OWN);
  const old = join(host.system.path('/var/lib'), 'backup-of-0.1.0');
  mkdirSync(join(old, 'store'), { recursive: true });
  for (const name of ['manifest.cbor', 'sealed.cbor', 'store/data.mdb'])
    writeFileSync(join(old, name), gunzipSync(readFileSync(join(FIXTURE, `${name.replace('/', '-')}.gz`))));
  host.must('install', '-d', '-m', '0750', '-o', 'sentinel', '-g', 'sentinel-operators', OLD);
  host.must('chmod', '-R', 'a+rX', '/var/lib/backup-of-0.1.0');
  host.must(...asHub('restore', '/var/lib/backup-of-0.1.0', '--state', OLD, '--passphrase-file', PASS));
  // So that a hub that opens the store is seen by it.
  host.must('rm', '-f', `${OLD}/hub/store/lock.mdb`);
  host.must('systemctl', 'start', 'sentinel-hub');
  await works(host);
}
