import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LoadOptions } from '../../policy/load-rules.ts';
import { PolicyError } from '../../policy/policy.ts';
import { type PolicyChange, watchPolicy } from '../../policy/watch-policy.ts';

const test = suite<{ folder: string }>('hot reload', { folder: '' });

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'sentinel-watch-'));
});
test.after.each((context) => rmSync(context.folder, { recursive: true, force: true }));

const rule = (verdict: string, operand: string) => `family: plant
tighten:
  - { match: [systemctl, restart], operand: '${operand}', decision: review }
examples:
  ${verdict}: [systemctl restart historian]
`;

/** The changes as they come; `next` waits for one. */
function changes() {
  const waiting: ((change: PolicyChange) => void)[] = [];
  const come: PolicyChange[] = [];
  return {
    push(change: PolicyChange) {
      const first = waiting.shift();
      if (first === undefined) come.push(change);
      else first(change);
    },
    next: () =>
      new Promise<PolicyChange>((resolve) => {
        const first = come.shift();
        if (first === undefined) waiting.push(resolve);
        else resolve(first);
      }),
    get left() {
      return come.length;
    },
  };
}

test('a changed file is a new policy; a broken one is an error, and the last good one stays', async ({ folder }) => {
  const seen = changes();
  const watching = await watchPolicy({ siteDir: folder }, seen.push);
  // The watch keeps no process alive by itself.
  const alive = setInterval(() => {}, 1_000);
  const first = watching.policy;
  assert.is(first.check('systemctl restart historian', null).decision, 'allow');

  writeFileSync(join(folder, 'plant.yaml'), rule('review', 'historian'));
  const good = await seen.next();
  assert.ok('policy' in good && good.policy === watching.policy);
  assert.is.not(watching.policy.hash, first.hash);
  assert.is(watching.policy.check('systemctl restart historian', null).rule, 'site.plant.tighten.1');

  writeFileSync(join(folder, 'plant.yaml'), rule('block', 'historian'));
  const bad = await seen.next();
  assert.ok('error' in bad && bad.error instanceof PolicyError);
  assert.equal('error' in bad && [bad.error.code, bad.error.file, bad.error.line], [
    'E_POLICY_EXAMPLE',
    'plant.yaml',
    5,
  ]);
  assert.is('policy' in good && good.policy, watching.policy);

  await watching.reload();
  assert.is(seen.left, 0, 'the same mistake is told once');

  writeFileSync(join(folder, 'plant.yaml'), rule('review', 'historian*'));
  const mended = await seen.next();
  assert.ok('policy' in mended);
  watching.close();
  clearInterval(alive);
  writeFileSync(join(folder, 'plant.yaml'), rule('block', 'historian'));
  await watching.reload();
  assert.is(seen.left, 0, 'nothing is told after close');
});

test('rules that do not load at first are an error at once', async ({ folder }) => {
  writeFileSync(join(folder, 'x.yaml'), 'family: [');
  try {
    await watchPolicy({ siteDir: folder }, () => {});
    assert.unreachable();
  } catch (error) {
    assert.is(error instanceof PolicyError ? error.code : '', 'E_POLICY_YAML');
  }
});

test('a folder that goes away is an error, not an end', async ({ folder }) => {
  const seen = changes();
  const watching = await watchPolicy({ siteDir: folder }, seen.push);
  rmSync(folder, { recursive: true });
  await watching.reload();
  const gone = await seen.next();
  assert.is('error' in gone && gone.error.code, 'E_POLICY_READ');
  assert.is(watching.policy.check('df', null).decision, 'allow');
  watching.close();
});

test('where nothing can be watched, a reload still notices', async ({ folder }) => {
  const seen = changes();
  const watching = await watchPolicy({ siteDir: folder }, seen.push, () => {
    throw new Error('ENOSPC: no more watches');
  });
  writeFileSync(join(folder, 'plant.yaml'), rule('review', 'historian'));
  await watching.reload();
  assert.ok('policy' in (await seen.next()));
  watching.close();
});

test('what did not change is not told, nor what is read while it is closed', async ({ folder }) => {
  const seen = changes();
  const watching = await watchPolicy({ siteDir: folder }, seen.push);
  await watching.reload();
  assert.is(seen.left, 0);
  writeFileSync(join(folder, 'plant.yaml'), rule('review', 'historian'));
  const reading = watching.reload();
  // The read has begun, and waits for the parser.
  await null;
  watching.close();
  await reading;
  assert.is(seen.left, 0);
});

test('what fails in a way of its own is told like a file that cannot be read', async () => {
  const seen = changes();
  const options: LoadOptions = {
    get groupDirs(): string[] {
      if (broken) throw new Error('no such group');
      return [];
    },
  };
  let broken = false;
  const watching = await watchPolicy(options, seen.push);
  broken = true;
  await watching.reload();
  const failed = await seen.next();
  assert.equal('error' in failed && [failed.error.code, failed.error.message], [
    'E_POLICY_READ',
    'E_POLICY_READ :0: no such group',
  ]);
  watching.close();
});

test.run();
