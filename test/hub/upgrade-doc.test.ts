import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RELEASE_LIMITS } from '../../broker/release.ts';
import { UPGRADE_LIMITS } from '../../broker/upgrade-messages.ts';
import { UPGRADE_USAGE } from '../../hub/commands/upgrade.ts';

/** What docs/upgrade.md explains is what the code says, in full. */
const test = suite('docs/upgrade.md');
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const text = readFileSync(join(ROOT, 'docs/upgrade.md'), 'utf8');

test('every flag that it shows is one of the command’s, and every bound the one that holds', () => {
  const flags = [...text.matchAll(/`(--[a-z-]+)/g)].map(([, flag = '']) => flag);
  assert.ok(flags.length >= 3);
  for (const flag of flags) assert.ok(UPGRADE_USAGE.includes(flag) || flag === '--live', flag);
  assert.match(text, `pieces of ${RELEASE_LIMITS.chunk.toLocaleString('en')} bytes`);
  assert.match(
    text.replaceAll('\n', ' '),
    `At most ${RELEASE_LIMITS.packed / 1_048_576} MiB travel and ${RELEASE_LIMITS.code / 1_048_576} MiB are unpacked`,
  );
  assert.match(text, `\`--within\` seconds (${UPGRADE_LIMITS.within_s.usual})`);
  assert.match(text.replaceAll('\n', ' '), `counts for ${UPGRADE_LIMITS.word_ms / 60_000} minutes`);
  assert.match(text, `it counts (${UPGRADE_LIMITS.lasts_ms / 86_400_000} days)`);
});

test.run();
