import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDropIn } from '../../agent/drop-in/drop-in.ts';
import { NOTHING } from '../../agent/drop-in/sections.ts';
import { WatchError } from '../../agent/drop-in/watch-error.ts';
import { Watch } from '../../agent/watch.ts';

const GOOD = `version: 1
groups:
  - name: web
    pgid_file: /run/web.pgid
    match: {comm: nginx, user: 33}
    memory_mib: 512
    cpu_percent: 150
    restarts_per_minute: 3
folders:
  - name: spool
    path: /var/spool/x/
    quota_mib: 100
senses: {load: off}
tags: [role=web]
`;

const test = suite('watch');

test('a group may name its unit, and nothing but a unit', () => {
  const text = (unit: string) => `version: 1\ngroups:\n  - {name: web, match: {comm: nginx}, unit: ${unit}}\n`;
  assert.is(parseDropIn('/w.yaml', text('nginx.service')).groups[0]?.unit, 'nginx.service');
  for (const wrong of ['nginx', '-x.service', '"a b.service"', '7', 'user@0.service']) {
    assert.throws(
      () => parseDropIn('/w.yaml', text(wrong)),
      (error: unknown) => error instanceof WatchError && error.code === 'E_WATCH_FIELD',
    );
  }
});

test('reads a whole drop-in', () => {
  assert.equal(parseDropIn('a.yaml', GOOD), {
    ...NOTHING,
    groups: [
      {
        name: 'web',
        pgidFile: '/run/web.pgid',
        match: { comm: 'nginx', user: 33 },
        memoryMib: 512,
        cpuPercent: 150,
        restartsPerMinute: 3,
      },
    ],
    folders: [{ name: 'spool', path: '/var/spool/x', quotaMib: 100 }],
    senses: new Map([['load', false]]),
    tags: ['role=web'],
  });
  assert.equal(parseDropIn('a.yaml', 'version: 1\n'), NOTHING);
});

const wrong: readonly (readonly [code: string, line: number, source: string])[] = [
  ['E_WATCH_VERSION', 1, 'groups: []\n'],
  ['E_WATCH_VERSION', 1, 'version: 2\n'],
  ['E_WATCH_FIELD', 1, '- 1\n'],
  ['E_WATCH_FIELD', 1, ''],
  ['E_WATCH_FIELD', 2, 'version: 1\ngroup: []\n'],
  ['E_WATCH_FIELD', 3, 'version: 1\nfolders:\n  - {name: a, path: relative, quota_mib: 1}\n'],
  ['E_WATCH_FIELD', 4, 'version: 1\nfolders:\n  - name: a\n    path: /a/../b\n    quota_mib: 1\n'],
  ['E_WATCH_FIELD', 5, 'version: 1\nfolders:\n  - name: a\n    path: /a\n    quota_mib: -1\n'],
  ['E_WATCH_FIELD', 3, 'version: 1\nfolders:\n  - name: "a b"\n    path: /a\n    quota_mib: 1\n'],
  ['E_WATCH_FIELD', 3, 'version: 1\ngroups:\n  - name: a\n'],
  ['E_WATCH_FIELD', 3, 'version: 1\ngroups:\n  - {name: a, match: {}}\n'],
  ['E_WATCH_FIELD', 3, 'version: 1\ngroups:\n  - {name: a, match: {user: root}}\n'],
  ['E_WATCH_FIELD', 2, 'version: 1\ngroups: &x []\nfolders: *x\n'],
  ['E_WATCH_SYNTAX', 2, 'version: 1\nversion: 1\n'],
  ['E_WATCH_SYNTAX', 2, 'version: 1\ngroups: [\n'],
  ['E_WATCH_LIMIT', 1, `version: 1\n# ${'x'.repeat(70_000)}`],
];
for (const [code, line, source] of wrong) {
  test(`refuses with ${code} in line ${line}: ${JSON.stringify(source.slice(0, 60))}`, () => {
    try {
      parseDropIn('a.yaml', source);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, WatchError);
      assert.is((error as WatchError).code, code);
      assert.ok(Math.abs((error as WatchError).line - line) <= (code === 'E_WATCH_SYNTAX' ? 1 : 0), String(error));
      assert.ok((error as WatchError).fix.length > 5);
    }
  });
}

test('any text is a drop-in or a WatchError', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((s) => `version: 1\ngroups: ${s}`),
      ),
      (source) => {
        try {
          parseDropIn('a.yaml', source);
        } catch (error) {
          assert.instance(error, WatchError);
        }
      },
    ),
  );
});

test('a broken file is reported, and what it last said still holds', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sentinel-watch-'));
  const watch = new Watch(dir);
  assert.is(watch.refresh(), false);
  writeFileSync(join(dir, 'a.yaml'), GOOD);
  writeFileSync(join(dir, 'b.yaml'), 'version: 1\nfolders: [{name: spool, path: /b, quota_mib: 1}]\n');
  assert.is(watch.refresh(), true);
  assert.is(watch.refresh(), false, 'nothing changed');
  assert.is(watch.groups().length, 1);
  assert.equal(
    watch.errors().map(({ code }) => code),
    ['E_WATCH_FIELD'],
    'a name that is taken',
  );
  assert.is(watch.folders()[0]?.path, '/var/spool/x', 'the first file has it');
  writeFileSync(join(dir, 'a.yaml'), 'version: 1\ngroups: 5\n');
  watch.refresh();
  assert.is(watch.groups()[0]?.name, 'web');
  assert.match(watch.errors()[0]?.message ?? '', /a\.yaml:2: groups is not a list/);
  rmSync(join(dir, 'a.yaml'));
  watch.refresh();
  assert.is(watch.groups().length, 0);
  assert.is(watch.folders()[0]?.path, '/b');
  assert.equal(watch.errors(), []);
  rmSync(dir, { recursive: true });
});

test('a folder or a link to nowhere that is called .yaml harms nobody', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sentinel-watch-'));
  const { mkdirSync, symlinkSync } = await import('node:fs');
  mkdirSync(join(dir, 'd.yaml'));
  symlinkSync('/nonexistent', join(dir, 'l.yaml'));
  symlinkSync('/dev/zero', join(dir, 'z.yaml'));
  const watch = new Watch(dir);
  watch.refresh();
  assert.equal(
    watch.errors().map(({ code }) => code),
    ['E_WATCH_READ', 'E_WATCH_READ'],
  );
  rmSync(dir, { recursive: true });
});
test.run();
