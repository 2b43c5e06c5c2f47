import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { VERSION } from '../../broker/version.ts';
import { hasCommand, needsPackages } from './debian.ts';
import { blocksOf } from './doc-blocks.ts';
import { copyOf, packed } from './releases.ts';

const test = suite<{ dir: string }>('pack');
test.before((context) => {
  needsPackages(['openssl'], () => hasCommand('openssl'));
  context.dir = mkdtempSync('/var/tmp/sentinel-test-pack-');
});
test.after(({ dir }) => rmSync(dir, { recursive: true, force: true }));

test('two builds of the same sources in two places are the same bytes, signed or not', ({ dir }) => {
  const run = (argv: readonly string[], cwd: string) =>
    spawnSync(argv[0] ?? '', argv.slice(1), { cwd, encoding: 'utf8' });
  const key = join(dir, 'release.pem');
  run(['openssl', 'genpkey', '-algorithm', 'ed25519', '-out', key], dir);
  run(['openssl', 'pkey', '-in', key, '-pubout', '-out', 'release.pub.pem'], dir);
  // As `npm run pack` does it: compiled anew, so that nothing of an earlier build is in it.
  const built = (folder: string) => {
    const checkout = copyOf(folder, VERSION);
    rmSync(join(checkout, 'dist'), { recursive: true });
    const { status, stdout, stderr } = run([process.execPath, 'build.mjs'], checkout);
    assert.is(status, 0, stdout + stderr);
    return checkout;
  };
  assert.match(packed(built(join(dir, 'here')), join(dir, 'one'), '--key', key), /signed by [0-9a-f]{64}/);
  // Elsewhere, and deeper: nothing of a path may be in it.
  const elsewhere = built(join(dir, 'some/other/place'));
  assert.match(packed(elsewhere, join(dir, 'two')), /not signed/);
  const names = readdirSync(join(dir, 'two')).sort();
  assert.is(names.length, 4);
  assert.equal(
    readdirSync(join(dir, 'one')).sort(),
    [...names, 'SHA256SUMS.sig', `sentinel-agent_${VERSION}.upgrade`].sort(),
  );
  // The sums last: a name says more.
  for (const name of names.toReversed())
    assert.ok(readFileSync(join(dir, 'one', name)).equals(readFileSync(join(dir, 'two', name))), `${name} differs`);

  // As docs/install.md says how to look at what came.
  const block = blocksOf('docs/install.md').find(({ heading }) => heading === 'Is it what was packed?');
  const verified = (folder: string) => {
    cpSync(join(dir, 'release.pub.pem'), join(folder, 'release.pub.pem'));
    return run(['sh', '-e', '-c', block?.code ?? 'false'], folder);
  };
  const good = verified(join(dir, 'one'));
  assert.is(good.status, 0, good.stderr);
  cpSync(join(dir, 'one'), join(dir, 'three'), { recursive: true });
  appendFileSync(join(dir, 'three/SHA256SUMS'), '\n');
  assert.is.not(verified(join(dir, 'three')).status, 0);
});

test.run();
