import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRules } from '../../policy/load-rules.ts';
import { loadPolicy, PolicyError, tryPolicy } from '../../policy/policy.ts';
import { triedHash } from '../../policy/tried-rules.ts';

const test = suite<{ folder: string }>('rules that the build has tried', { folder: '' });
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'sentinel-tried-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

test('the build notes the rules that it copied, and whoever asks for their examples has them all tried', async () => {
  assert.is(triedHash(), loadRules().builtIn);
  const { examples, broken } = await tryPolicy({});
  assert.ok(examples > 1_000);
  assert.equal(broken, []);
});

test('a site’s examples are tried all the same, and so are built-in rules that are not as they were', async ({
  folder,
}) => {
  const wrong = 'family: plant\nexamples:\n  allow: [rm -rf /srv]\n';
  writeFileSync(join(folder, 'plant.yaml'), wrong);
  assert.is(loadRules({ siteDir: folder }).builtIn, triedHash());
  for (const options of [{ siteDir: folder }, { rulesDir: folder }]) {
    const error = await loadPolicy(options).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof PolicyError && error.code === 'E_POLICY_EXAMPLE', String(error));
  }
});

test('a note that is missing or makes no sense is none', ({ folder }) => {
  const file = join(folder, 'note.json');
  assert.is(triedHash(file), null);
  writeFileSync(file, '{"hash":7}');
  assert.is(triedHash(file), null);
});

test.run();
