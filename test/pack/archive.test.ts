import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Entry, fileOf, sumsOf, tar } from '../../pack/archive.ts';
import { writeDeb } from '../../pack/debian.ts';

const test = suite<{ dir: string }>('archives');
test.before((context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'sentinel-archive-'));
});
test.after(({ dir }) => rmSync(dir, { recursive: true, force: true }));

const TIME = 1_700_000_000;
const LONG = `node_modules/@scope/${'a'.repeat(60)}/${'b'.repeat(60)}/file.js`;
const TREE: readonly Entry[] = [
  fileOf(LONG, 'long\n'),
  fileOf('bin/run', '#!/bin/sh\n', 0o755),
  fileOf('empty', ''),
  fileOf('block', Buffer.alloc(512, 7)),
  { path: 'current', kind: 'link', to: 'releases/1' },
];

test('tar unpacks what was packed: contents, modes, links, long names', ({ dir }) => {
  const out = mkdtempSync(join(dir, 'tar-'));
  const { status, stderr } = spawnSync('tar', ['xvf', '-', '-C', out], { input: Buffer.concat([...tar(TREE, TIME)]) });
  assert.is(status, 0, String(stderr));
  assert.is(String(stderr), '');
  assert.equal(readdirSync(out).sort(), ['bin', 'block', 'current', 'empty', 'node_modules']);
  assert.is(readFileSync(join(out, LONG), 'utf8'), 'long\n');
  const listed = spawnSync('tar', ['tvf', '-', '--full-time', '--utc'], { input: Buffer.concat([...tar(TREE, TIME)]) });
  assert.match(String(listed.stdout), /-rwxr-xr-x root\/root +10 2023-11-14 22:13:20 \.\/bin\/run/);
  assert.match(String(listed.stdout), /lrwxrwxrwx root\/root +0 2023-11-14 22:13:20 \.\/current -> releases\/1/);
});

test('the order in which things are found changes no byte', () => {
  const expected = Buffer.concat([...tar(TREE, TIME)]);
  void fc.assert(
    fc.property(fc.shuffledSubarray([...TREE], { minLength: TREE.length }), (entries) => {
      assert.ok(Buffer.concat([...tar(entries, TIME)]).equals(expected));
    }),
  );
});

test('a name that a tar can not hold, or that comes twice, is refused', () => {
  assert.throws(() => [...tar([fileOf('x'.repeat(101), '')], TIME)], /too long for a tar/);
  assert.throws(() => [...tar([fileOf('a', '1'), fileOf('a', '2')], TIME)], /a comes twice/);
});

test('sha256sum takes the sums, and finds what was changed', ({ dir }) => {
  const out = mkdtempSync(join(dir, 'sums-'));
  spawnSync('tar', ['xf', '-', '-C', out], { input: Buffer.concat([...tar(TREE, TIME)]) });
  const check = () => spawnSync('sha256sum', ['-c', '--quiet', '-'], { cwd: out, input: sumsOf(TREE) });
  assert.is(check().status, 0, String(check().stderr));
  writeFileSync(join(out, 'block'), Buffer.alloc(512, 8));
  assert.is(check().status, 1);
});

test('a package is an ar of three members, the same bytes each time', async ({ dir }) => {
  const pack = {
    name: 'sentinel-test',
    version: '1.2.3',
    architecture: 'all',
    depends: 'nodejs (>= 20.19)',
    description: ['a test', 'of two lines'],
    entries: [fileOf('etc/test/a.env', 'A=1\n'), fileOf('opt/test/run', 'run', 0o755)],
    conffiles: ['etc/test/a.env'],
    scripts: { postinst: '#!/bin/sh\n' },
  } as const;
  const [one, two] = [join(dir, 'one.deb'), join(dir, 'two.deb')];
  await writeDeb(one, pack, TIME);
  await writeDeb(two, pack, TIME);
  const bytes = readFileSync(one);
  assert.ok(bytes.equals(readFileSync(two)));
  const members: Record<string, Buffer> = {};
  for (let at = 8; at < bytes.length; ) {
    const size = Number(bytes.toString('latin1', at + 48, at + 58));
    members[bytes.toString('latin1', at, at + 16).trim()] = bytes.subarray(at + 60, at + 60 + size);
    at += 60 + size + (size % 2);
  }
  assert.equal(Object.keys(members), ['debian-binary', 'control.tar.gz', 'data.tar.gz']);
  const read = (member: string, path: string) =>
    String(spawnSync('tar', ['xzOf', '-', path], { input: members[member] }).stdout);
  assert.is(read('control.tar.gz', './conffiles'), '/etc/test/a.env\n');
  assert.match(read('control.tar.gz', './control'), /^Installed-Size: 2$/m);
  assert.match(read('control.tar.gz', './control'), /^Description: a test\n of two lines\n$/m);
  assert.is(read('data.tar.gz', './opt/test/run'), 'run');
});

test.run();
