import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { shownCauses } from '../../hub/reason/causes/known.ts';
import { MIB, processRow, said } from './evidence-fixtures.ts';
import { evidenceOf, type Told } from './told-evidence.ts';

/** What stands beside an incident by chance, and is not why. */
const test = suite('causes of something else');

const causes = (told: Told) => shownCauses(evidenceOf(told));
const found = (told: Told, id: string) => causes(told).find((one) => one.id === id);
const commandsOf = (told: Told) => causes(told).flatMap(({ commands }) => commands.map((one) => one.command));

const mount = (path: string, used: number) => ({
  path,
  type: 'ext4',
  total: 100 * MIB,
  used: used * MIB,
  inodes: 1_000,
  inodes_used: 20,
});
const FULL: Told = {
  signal: 'disk.space',
  metric: 'disk.used_percent[/srv]',
  value: 97,
  snapshot: { mounts: [mount('/srv', 97)] },
};
const aged = (pid: number, comm: string, cmd: string, age_s: number) => ({
  ...processRow(pid, comm, { cmd: said(cmd) }),
  age_s,
});

test('a full file system is not laid on memory that another alert speaks of', () => {
  const swap = [{ signal: 'host.swap', metric: 'swap.used_percent', value: 90, reason: 'swap' }];
  const large = { ...processRow(50, 'java', {}), rss: 6_000 * MIB, age_s: 600 };
  const told = {
    ...FULL,
    also: swap,
    snapshot: { ...FULL.snapshot, top_mem: [large, processRow(51, 'sh', { rss: MIB })] },
  };
  assert.equal(
    causes(told).filter(({ commands }) => commands.some(({ command }) => /kill|restart|stop/.test(command))),
    [],
  );
  const pages = ['kernel: Node 0 hugepages_total=24576 hugepages_free=16438 hugepages_surp=0'];
  assert.is(found({ ...told, lines: pages }, 'huge-pages'), undefined);
});

test('workers of one program are no job that runs twice, whoever else waits for a lock', () => {
  const workers = [
    aged(70, 'python3', 'python3 /srv/app/worker.py --queue a', 9_000),
    aged(71, 'python3', 'python3 /srv/app/worker.py --queue a', 9_000),
  ];
  const told: Told = { signal: 'host.cpu', metric: 'cpu.percent', value: 99, snapshot: { top_cpu: workers } };
  assert.is(
    found({ ...told, lines: ['apt: Waiting for lock /var/lib/dpkg/lock: held by process 99'] }, 'job-twice'),
    undefined,
  );
  assert.is(
    found(
      {
        ...told,
        snapshot: {
          ...told.snapshot,
          changes: [{ ts: 1_789_999_000_000, what: said('packages upgraded: cron 3.0 -> 3.1', true) }],
        },
      },
      'job-twice',
    ),
    undefined,
  );
  assert.ok(found({ ...told, lines: ['worker.py: another instance is already running'] }, 'job-twice'));
});

test('two processes of one program share its serial line by design', () => {
  const told: Told = {
    ...FULL,
    units: ['mbusd.service', 'telegraf.service'],
    lines: ['nginx: upstream timed out'],
    snapshot: {
      ...FULL.snapshot,
      top_cpu: [
        aged(40, 'mbusd', '/usr/bin/mbusd -p /dev/ttyUSB1', 900_000),
        aged(41, 'mbusd', '/usr/bin/mbusd -p /dev/ttyUSB1', 600),
      ],
    },
  };
  assert.is(found(told, 'serial-shared'), undefined);
  const two = {
    ...told,
    snapshot: {
      top_cpu: [
        aged(40, 'mbusd', '/usr/bin/mbusd -p /dev/ttyUSB1', 900_000),
        aged(41, 'telegraf', '/usr/bin/telegraf /dev/ttyUSB1', 600),
      ],
    },
  };
  assert.is(found(two, 'serial-shared'), undefined, 'no line of it, and a disk is full');
});

test('a boot partition that is fairly full explains no busy processor', () => {
  const told: Told = {
    signal: 'host.cpu',
    metric: 'cpu.percent',
    value: 99,
    snapshot: { mounts: [mount('/boot', 92)] },
  };
  assert.is(found(told, 'old-kernels'), undefined);
  assert.ok(found({ ...told, signal: 'disk.space', metric: 'disk.used_percent[/boot]' }, 'old-kernels'));
});

test('a pool of workers that has done all of its data is no thin pool', () => {
  const told: Told = { signal: 'unit.failed', metric: 'unit.failed[app.service]', value: 1, units: ['app.service'] };
  for (const line of ['app: worker pool: data import 100 % done', 'app: pool of connections, metadata cache 95 % warm'])
    assert.is(found({ ...told, lines: [line] }, 'thin-pool'), undefined, line);
  assert.ok(
    found({ ...told, lines: ['dmeventd: WARNING: Thin pool vg0-tp0-tpool data is now 96.10% full.'] }, 'thin-pool'),
  );
});

test('a bound of the kernel that another service met does not take the fix of a full file system away', () => {
  const told: Told = {
    ...FULL,
    units: ['promtail.service'],
    lines: ['promtail: inotify_add_watch: no space left on device'],
    also: [
      { signal: 'unit.restarts', metric: 'unit.restarts_per_hour[promtail.service]', value: 9, reason: 'restarts' },
    ],
  };
  assert.is(found(told, 'inotify')?.sure, 'likely');
});

test('who is busy is not stopped for a service that fails beside it', () => {
  const told: Told = {
    signal: 'host.cpu',
    metric: 'cpu.percent',
    value: 99,
    units: ['encoder.service', 'poller.service'],
    lines: ['poller: exec /app/poller: exec format error', 'poller: open /srv/x: Read-only file system'],
    also: [{ signal: 'unit.restarts', metric: 'unit.restarts_per_hour[poller.service]', value: 9, reason: 'restarts' }],
    snapshot: {
      facts: { culprit: said('40', true), unit: said('encoder.service', true) },
      top_cpu: [processRow(40, 'encoder', { cpu: 95, cmd: said('/usr/bin/encoder --all') })],
    },
  };
  for (const command of commandsOf(told)) assert.not.match(command, /stop encoder/);
  for (const id of ['architecture', 'sandbox']) assert.not.match(found(told, id)?.sentence ?? '', /^encoder/, id);
});
test.run();
