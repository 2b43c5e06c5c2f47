import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { VERSION } from '../../broker/version.ts';
import { hasCommand, needsPackages } from './debian.ts';
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
  const one = packed(copyOf(join(dir, 'here'), VERSION), join(dir, 'one'), '--key', key);
  assert.match(one, /signed by [0-9a-f]{64}/);
  // Elsewhere, deeper, compiled anew: nothing of a path or of an earlier build may be in it.
  const elsewhere = copyOf(join(dir, 'some/other/place'), VERSION);
  rmSync(join(elsewhere, 'dist'), { recursive: true });
  const built = run([process.execPath, 'build.mjs'], elsewhere);
  assert.is(built.status, 0, built.stdout + built.stderr);
  assert.match(packed(elsewhere, join(dir, 'two')), /not signed/);
  const names = readdirSync(join(dir, 'two')).sort();
  assert.is(names.length, 4);
  assert.equal(readdirSync(join(dir, 'one')).sort(), [...names, 'SHA256SUMS.sig'].sort());
  for (const name of names)
    assert.ok(readFileSync(join(dir, 'one', name)).equals(readFileSync(join(dir, 'two', name))), `${name} differs`);

  // As docs/install.md says how to look at what came.
  const there = join(dir, 'one');
  assert.is(run(['sha256sum', '-c', 'SHA256SUMS'], there).status, 0);
  const verify = (folder: string) => {
    const argv = ['-verify', '-pubin', '-inkey', join(dir, 'release.pub.pem'), '-rawin', '-in', 'SHA256SUMS'];
    return run(['openssl', 'pkeyutl', ...argv, '-sigfile', 'SHA256SUMS.sig'], folder).status;
  };
  assert.is(verify(there), 0);
  cpSync(there, join(dir, 'three'), { recursive: true });
  appendFileSync(join(dir, 'three/SHA256SUMS'), '\n');
  assert.is(verify(join(dir, 'three')), 1);
});

test.run();
