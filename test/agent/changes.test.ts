import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fileChanges } from '../../agent/changes/files.ts';
import { packageChanges } from '../../agent/changes/packages.ts';
import { recentChanges } from '../../agent/changes/recent-changes.ts';
import { layoutOf, parseSessions, sessionChanges } from '../../agent/changes/sessions.ts';
import { snapshot } from '../../broker/messages.ts';

/** The host's own time at noon: the logs of dpkg and apt carry no zone. */
const NOW = new Date(2026, 10, 26, 12, 0, 0).getTime();
const HOUR = 3_600_000;

const test = suite<{ root: string }>('changes', { root: '' });
test.before.each((context) => {
  context.root = mkdtempSync(join(tmpdir(), 'sentinel-changes-'));
});
test.after.each(({ root }) => rmSync(root, { recursive: true }));

/** Writes a file of the host as it was `hours` ago. */
function put(root: string, path: string, hours: number, content: string | Uint8Array = ''): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  const at = new Date(NOW - hours * HOUR);
  utimesSync(file, at, at);
}

const told = (changes: readonly { what: { text: string } }[]): string[] => changes.map(({ what }) => what.text);

test('a run of dpkg is one change for each action, what was named first; old runs and other lines are left out', ({
  root,
}) => {
  const upgrades = ['a', 'b', 'c', 'd', 'e', 'f'].map(
    (name) => `2026-11-26 09:12:0${name.charCodeAt(0) - 96} upgrade lib${name}:amd64 1.0 1.1`,
  );
  put(
    root,
    'var/log/dpkg.log',
    3,
    [
      '2026-11-01 08:00:00 install old:all <none> 1',
      '2026-11-26 09:12:00 startup archives unpack',
      ...upgrades,
      '2026-11-26 09:12:09 status installed libf:amd64 1.1',
      '2026-11-26 10:30:00 install nginx:amd64 <none> 1.22.1',
      '2026-11-26 10:30:00 remove apache2:amd64 2.4 <none>',
      'garbage \u0000 line',
    ].join('\n'),
  );
  const changes = packageChanges({ root, now: NOW });
  assert.equal(told(changes), [
    'packages upgraded: liba 1.0 -> 1.1, libb 1.0 -> 1.1, libc 1.0 -> 1.1, libd 1.0 -> 1.1 and 2 more',
    'packages installed: nginx',
    'packages removed: apache2',
  ]);
  assert.is(changes[0]?.ts, new Date(2026, 10, 26, 9, 12, 6).getTime());
  assert.ok(changes.every(({ what }) => what.trusted));
});

test('who asked apt for it, in their own words: not trusted, and without their secrets', ({ root }) => {
  put(
    root,
    'var/log/apt/history.log',
    1,
    'Start-Date: 2026-11-26  09:11:58\nCommandline: apt-get install -o Acquire::http::Proxy=http://op:hunter22@p:1/ nginx\nRequested-By: op (1000)\nInstall: nginx\nEnd-Date: 2026-11-26  09:12:30\n\n' +
      'Start-Date: 2026-11-26  10:00:00\nCommandline: /usr/bin/unattended-upgrade\nEnd-Date: 2026-11-26  10:00:30\n',
  );
  const [asked, ...more] = packageChanges({ root, now: NOW });
  assert.is(more.length, 0);
  assert.is(asked?.what.text, 'op (1000) ran apt-get install -o Acquire::http::Proxy=http://op:[redacted]@p:1/ nginx');
  assert.is(asked?.what.trusted, false);
});

test('dnf and pacman tell theirs; of the others the time of the database is known', ({ root }) => {
  put(root, 'var/log/dnf.rpm.log', 1, '2026-11-26T09:12:01+0000 SUBDEBUG Upgraded: nginx-1:1.24-1.el9.x86_64\n');
  put(root, 'var/log/pacman.log', 1, '[2026-11-26T09:12:01+0000] [ALPM] removed nginx (1.24-1)\n');
  const now = Date.parse('2026-11-26T12:00:00Z');
  assert.equal(told(packageChanges({ root, now })), [
    'packages upgraded: nginx-1:1.24-1.el9.x86_64',
    'packages removed: nginx 1.24-1',
  ]);
  rmSync(join(root, 'var'), { recursive: true });
  put(root, 'lib/apk/db/installed', 2);
  put(root, 'var/lib/rpm/Packages', 24 * 30);
  assert.equal(told(packageChanges({ root, now: NOW })), ['the package database of apk changed']);
});

test('files that were written lately: units and cron tables of a week, configuration and deployed files of a day', async ({
  root,
}) => {
  put(root, 'etc/systemd/system/mes.service', 50);
  put(root, 'etc/systemd/system/mes.service.d/memory.conf', 2);
  put(root, 'etc/systemd/system/README', 2);
  put(root, 'etc/cron.d/backup', 30);
  put(root, 'etc/crontab', 40);
  put(root, 'var/spool/cron/crontabs/op', 3);
  put(root, 'etc/nginx/nginx.conf', 5);
  put(root, 'etc/nginx/old.conf', 30);
  for (const name of ['a', 'b', 'c', 'd', 'e']) put(root, `etc/mes/${name}.yaml`, 1);
  put(root, 'etc/ld.so.cache', 1);
  put(root, 'opt/mes/bin/mes', 4);
  symlinkSync('/nowhere', join(root, 'etc/dangling'));
  symlinkSync('/', join(root, 'etc/loop'));
  const changes = await fileChanges({ root, now: NOW });
  assert.equal(
    told(changes)
      .filter((text) => !/loop|dangling/.test(text))
      .sort(),
    [
      'configuration written: /etc/mes/a.yaml, b.yaml, c.yaml and 2 more',
      'configuration written: /etc/nginx/nginx.conf',
      'cron tables written: /etc/cron.d/backup',
      'cron tables written: /etc/crontab',
      'cron tables written: /var/spool/cron/crontabs/op',
      'deployed files written: /opt/mes/bin/mes',
      'unit files written: /etc/systemd/system/mes.service',
      'unit files written: /etc/systemd/system/mes.service.d/memory.conf',
    ],
  );
  assert.ok(changes.every(({ what }) => !what.trusted));
});

test('a host of very many files is looked at within the bound', async ({ root }) => {
  for (let i = 0; i < 300; i++) put(root, `etc/many/${i}.conf`, 1);
  const [one] = await fileChanges({ root, now: NOW }, 100);
  assert.match(one?.what.text ?? '', /and \d\d more$/);
});

/** A record as login(1) writes it, in either layout. */
function record(
  layout: { size: number; wide: boolean; seconds: number },
  type: number,
  user: string,
  host: string,
  ts: number,
): Buffer {
  const bytes = Buffer.alloc(layout.size);
  bytes.writeInt16LE(type, 0);
  bytes.writeInt32LE(4_242, 4);
  bytes.write('pts/0', 8);
  bytes.write(user, 44, 32);
  bytes.write(host, 76, 256);
  if (layout.wide) bytes.writeBigInt64LE(BigInt(ts / 1_000), layout.seconds);
  else bytes.writeInt32LE(ts / 1_000, layout.seconds);
  return bytes;
}

for (const machine of ['x64', 'arm64']) {
  test(`wtmp of ${machine}: logins of a day, boots of a week; a torn front is left out`, ({ root }) => {
    const layout = layoutOf(machine);
    const records = [
      record(layout, 2, 'reboot', '6.1.0', NOW - 30 * HOUR),
      record(layout, 7, 'old', '10.0.0.1', NOW - 40 * HOUR),
      record(layout, 7, 'op', '10.0.0.4', NOW - HOUR),
      record(layout, 8, '', '', NOW - HOUR / 2),
      record(layout, 1, 'shutdown', '6.1.0', NOW - 31 * HOUR),
    ];
    put(root, 'var/log/wtmp', 0, Buffer.concat([Buffer.from([1, 2, 3]), ...records]));
    const changes = sessionChanges({ root, now: NOW }, machine);
    assert.equal(told(changes), ['the host booted', 'the host was shut down', 'op logged in on pts/0 from 10.0.0.4']);
    assert.equal(
      changes.map(({ what }) => what.trusted),
      [true, true, false],
    );
    assert.is(parseSessions(readFileSync(join(root, 'var/log/wtmp')), layout).length, 5);
  });
}

test('any bytes in any of these files give bounded text that fits a snapshot', async ({ root }) => {
  const files = [
    'var/log/wtmp',
    'var/log/dpkg.log',
    'var/log/apt/history.log',
    'var/log/dnf.rpm.log',
    'var/log/pacman.log',
  ];
  const bytes = fc.array(fc.uint8Array({ minLength: 1, maxLength: 2_000 }), { minLength: 5, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(bytes, async (contents) => {
      for (const [i, file] of files.entries()) put(root, file, 1, contents[i] ?? new Uint8Array());
      const changes = await recentChanges({ root, now: NOW }, NOW - HOUR);
      snapshot(
        { top_cpu: [], top_mem: [], top_fds: [], mounts: [], unit_lines: [], log_templates: [], facts: {}, changes },
        '',
      );
      for (const { what } of changes) assert.not.match(what.text, /\p{Cc}/u);
    }),
    { numRuns: 40 },
  );
});

test('all together: newest first, bounded, and the boot once though the kernel and wtmp both tell it', async ({
  root,
}) => {
  const booted = NOW - 5 * HOUR;
  put(root, 'var/log/wtmp', 0, record(layoutOf(process.arch), 2, 'reboot', '6.1.0', booted + 20_000));
  for (let i = 0; i < 60; i++) put(root, `etc/d${i}/x.conf`, 1 + i / 4);
  put(root, 'var/log/dpkg.log', 1, '2026-11-26 11:59:00 install nginx:amd64 <none> 1.22.1\n');
  const changes = await recentChanges({ root, now: NOW }, booted);
  assert.ok(changes.length <= 12);
  assert.equal(
    [...changes].sort((a, b) => b.ts - a.ts),
    changes,
  );
  assert.is(told(changes).filter((text) => text === 'the host booted').length, 1);
  assert.ok(told(changes).includes('packages installed: nginx'));
  assert.equal(told(await recentChanges({ root: join(root, 'nowhere'), now: NOW }, booted)), ['the host booted']);
  assert.equal(await recentChanges({ root: join(root, 'nowhere'), now: NOW }, null), []);
});

test.run();
