import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Growth } from '../../agent/growth.ts';
import { measureTree } from '../../agent/tree-sizes.ts';

const MIB = 1_048_576;
const test = suite<{ root: string }>('growth', { root: '' });
test.before.each((context) => {
  context.root = mkdtempSync(join(tmpdir(), 'sentinel-growth-'));
});
test.after.each(({ root }) => rmSync(root, { recursive: true }));

function put(root: string, path: string, mib: number): string {
  const file = join(root, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, Buffer.alloc(mib * MIB, 7));
  return file;
}

test('a tree is measured folder by folder, names of one file counted once, links not followed', async ({ root }) => {
  const big = put(root, 'log/mes/big.log', 3);
  put(root, 'log/small.log', 1);
  linkSync(big, join(root, 'again.log'));
  symlinkSync('/', join(root, 'loop'));
  const sizes = await measureTree(root);
  assert.ok(sizes.whole);
  assert.is(Math.round(sizes.used / MIB), 4);
  assert.ok((sizes.folders.get(join(root, 'log')) ?? 0) >= MIB);
  assert.equal(
    sizes.files.map(({ size }) => Math.round(size / MIB)),
    [3, 1],
  );
  assert.is(sizes.newest.length, 2);
});

test('a bound leaves out the folders that were not seen whole', async ({ root }) => {
  for (let i = 0; i < 30; i++) put(root, `f${i}/x`, 0);
  const sizes = await measureTree(root, 10);
  assert.is(sizes.entries, 10);
  assert.is(sizes.whole, false);
  assert.is(sizes.folders.has(root), false);
});

test('what grew since an earlier look: the deepest folder that explains it, and not what only is large', async ({
  root,
}) => {
  let now = 0;
  const growth = new Growth(() => now);
  put(root, 'data/large.bin', 6);
  put(root, 'log/mes/a.log', 1);
  assert.equal((await growth.measure(root)).growers, []);
  put(root, 'log/mes/b.log', 3);
  put(root, 'new/c.bin', 2);
  now = 10_000;
  assert.equal((await growth.measure(root)).growers, [], 'two looks within a minute are not compared');
  now = 120_000;
  const { growers } = await growth.measure(root);
  assert.equal(
    growers.map(({ path, by, size, within }) => [
      path.slice(root.length),
      Math.round(by / MIB),
      Math.round(size / MIB),
      within,
    ]),
    [
      ['', 5, 12, 120_000],
      ['/log/mes', 3, 4, 120_000],
      ['/new', 2, 2, 120_000],
    ],
  );
});

test('looks ahead at what is filling up, once an hour, and at nothing else', async ({ root }) => {
  let now = 0;
  const growth = new Growth(() => now);
  const disk = (used: number, path = root) => [
    { path, type: 'ext4', device: 'x', total: 100, used, inodes: 0, inodesUsed: 0 },
  ];
  put(root, 'a', 1);
  await growth.lookAhead(disk(50));
  put(root, 'b/c', 2);
  now = 61_000;
  assert.equal((await growth.measure(root)).growers, [], 'half full: it was not looked at before');
  rmSync(join(root, 'b'), { recursive: true });
  const ahead = new Growth(() => now);
  await ahead.lookAhead(disk(70));
  put(root, 'b/c', 2);
  now += 600_000;
  await ahead.lookAhead(disk(70));
  const { growers } = await ahead.measure(root);
  assert.equal(
    growers.map(({ path }) => path.slice(root.length)),
    ['/b'],
  );
  await ahead.lookAhead(disk(99, join(root, 'nowhere')));
});

test.run();
