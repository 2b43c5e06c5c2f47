import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fileOf } from '../../pack/archive.ts';
import { writeDeb } from '../../pack/debian.ts';
import { Installed } from './installed.ts';
import { copyOf, packed, VERSIONS } from './releases.ts';
import { type BootedSystem, bootSystemd } from './systemd-root.ts';

/** Everything on the machine is killed at once in the middle of an upgrade; it boots again from the same disk. */
const test = suite<{ dir: string }>('a power cut');
const STICK = '/media/stick';
/** Cuts spread over the time that an upgrade takes when nobody cuts it. */
const ROUNDS = 4;
const [NOW, NEXT] = VERSIONS;

test.before(async (context) => {
  context.dir = mkdtempSync('/var/tmp/sentinel-test-cut-');
  for (const version of VERSIONS) {
    const out = join(context.dir, 'stick', version);
    packed(copyOf(join(context.dir, version), version), out);
    const name = `sentinel-${version}-linux-${process.arch}.tar.gz`;
    const { status } = spawnSync('tar', ['xzf', name, '--strip-components=1', '--one-top-level=tree'], { cwd: out });
    assert.is(status, 0);
  }
  // The binary is bound, and this stands for its package.
  const nodejs = { name: 'nodejs', version: process.versions.node, architecture: 'all', depends: 'libc6' } as const;
  const entries = [fileOf('usr/share/nodejs/README', 'bound\n')];
  const rest = { description: ['Node.js'], conffiles: [], scripts: {}, entries } as const;
  await writeDeb(join(context.dir, 'stick/nodejs.deb'), { ...nodejs, ...rest }, 1_700_000_000);
});
test.after(({ dir }) => rmSync(dir, { recursive: true, force: true }));

/** A host whose disk outlives its boots, with a hub that starts at each. */
class Host {
  private readonly disk: string;
  private readonly binds;
  private booted: BootedSystem | null = null;

  constructor(dir: string, name: string) {
    this.disk = join(dir, name);
    mkdirSync(this.disk);
    this.binds = [
      { from: process.execPath, to: '/usr/bin/node' },
      { from: join(dir, 'stick'), to: STICK },
    ];
  }

  async boot(): Promise<Installed> {
    this.booted = await bootSystemd(this.binds, this.disk);
    return new Installed(this.booted);
  }

  async cut(): Promise<void> {
    await this.booted?.stop();
    this.booted = null;
  }

  /** Boots, installs by `argv`, and cuts the power after a part of `takes` ms. */
  async cutWhile(argv: readonly string[], after: number): Promise<void> {
    const { system } = await this.boot();
    const child = system.spawn(argv);
    await Promise.race([once(child, 'exit'), sleep(after)]);
    await this.cut();
  }
}

/** The hub is there, works on the store that it had, and is of one of the two versions, whole. */
async function works(host: Installed): Promise<void> {
  await host.until(() => host.isActive('sentinel-hub') || undefined, 'the hub');
  const release = host.must('readlink', '/opt/sentinel-hub/current').trim();
  assert.match(release, new RegExp(`^releases/(?:${NOW}|${NEXT})-`.replaceAll('.', '\\.')));
  assert.match(host.must('cat', `/proc/${host.property('sentinel-hub', 'MainPID')}/maps`), release);
  assert.match(host.sentinel('audit', 'verify'), /^\d+ records, chain and signatures good/m);
}

function begins(host: Installed): void {
  host.must('install', '-d', '-m', '0700', '-o', 'sentinel', '/run/root');
  host.write('/run/root/pass', 'four words are enough\n');
  host.must('chown', 'sentinel', '/run/root/pass');
  const root = ['--root-key', '/run/root/plant.pem', '--passphrase-file', '/run/root/pass'];
  host.sentinel('init', '--name', 'plant', '--address', '127.0.0.1', '--operator', 'ann', '--id', 'hub', ...root);
  host.must('systemctl', 'enable', '--quiet', '--now', 'sentinel-hub');
}

test('in the middle of install.sh: the hub starts, of the one version or the other, and the same command ends it', async ({
  dir,
}) => {
  const host = new Host(dir, 'tarball');
  try {
    const install = (version: string) => ['sh', `${STICK}/${version}/tree/install.sh`, 'hub'];
    const first = await host.boot();
    first.must(...install(NOW));
    begins(first);
    const began = performance.now();
    first.must(...install(NEXT));
    const takes = performance.now() - began;
    await host.cut();
    for (let round = 1; round <= ROUNDS; round++) {
      const version = round % 2 === 1 ? NOW : NEXT;
      await host.cutWhile(install(version), (takes * round) / (ROUNDS + 1));
      const after = await host.boot();
      await works(after);
      after.must(...install(version));
      await works(after);
      assert.match(after.must('readlink', '/opt/sentinel-hub/current'), `releases/${version}-`);
      await host.cut();
    }
  } finally {
    await host.cut();
  }
});

test('in the middle of dpkg: it is said, and the same command ends it', async ({ dir }) => {
  const host = new Host(dir, 'packages');
  try {
    const install = (version: string) => {
      const [deb] = readdirSync(join(dir, 'stick', version)).filter((name) => /^sentinel-hub_.*\.deb$/.test(name));
      return ['dpkg', '-i', `${STICK}/${version}/${deb}`];
    };
    const first = await host.boot();
    first.must('dpkg', '-i', `${STICK}/nodejs.deb`);
    first.must(...install(NOW));
    begins(first);
    const began = performance.now();
    first.must(...install(NEXT));
    const takes = performance.now() - began;
    await host.cut();
    for (let round = 1; round <= ROUNDS; round++) {
      const version = round % 2 === 1 ? NOW : NEXT;
      await host.cutWhile(install(version), (takes * round) / (ROUNDS + 1));
      const after = await host.boot();
      after.must(...install(version));
      after.must('systemctl', 'start', 'sentinel-hub');
      await works(after);
      assert.is(after.must('dpkg', '--audit'), '');
      await host.cut();
    }
  } finally {
    await host.cut();
  }
});

test.run();
