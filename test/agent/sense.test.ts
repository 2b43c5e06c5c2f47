import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CpuSense } from '../../agent/sense/cpu.ts';
import { walkFolder } from '../../agent/sense/folder-walk.ts';
import { MemorySense } from '../../agent/sense/memory.ts';
import { readMounts } from '../../agent/sense/mounts.ts';
import { NetworkSense } from '../../agent/sense/network.ts';
import { ProcFiles } from '../../agent/sense/proc-files.ts';
import { parseProcessStat, readProcessStat } from '../../agent/sense/process-stat.ts';
import { ProcessesSense } from '../../agent/sense/processes.ts';
import type { Reading } from '../../agent/sense/sense.ts';
import { Sensor } from '../../agent/sense/sensor.ts';
import { SwapSense } from '../../agent/sense/swap.ts';
import { Watch } from '../../agent/watch.ts';
import { metric } from '../../broker/messages.ts';

/** A recorded /proc: path to contents. */
function tree(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'sentinel-proc-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const value = (readings: readonly Reading[], name: string): number | null | undefined =>
  readings.find((reading) => reading.name === name)?.value;

const statLine = (pid: number, comm: string, ticks: number, rss: number, pgrp = pid): string =>
  `${pid} (${comm}) S 1 ${pgrp} ${pgrp} 0 -1 4194304 9 0 0 0 ${ticks} 0 0 0 20 0 1 0 777 12345 ${rss} 18446744073709551615 1 1 0\n`;

const real = suite('sense: this host');

real('gives sane values, in the order of its metrics', async () => {
  const sensor = new Sensor({ proc: new ProcFiles(), watch: new Watch('/nonexistent'), cores: availableParallelism() });
  await sensor.sample();
  // Of processor time, not of the clock's: on a busy machine it takes longer, and the share is smaller.
  const begun = performance.now();
  const before = process.cpuUsage();
  const used = () => (({ user, system }) => (user + system) / 1_000)(process.cpuUsage(before));
  while (used() < 300);
  const share = (100 * 300) / (performance.now() - begun);
  const sample = await sensor.sample();
  assert.equal(sensor.faults(), []);
  assert.equal(
    sample.readings.map(({ name }) => name),
    sensor.metrics().map(({ name }) => name),
  );
  for (const one of sensor.metrics()) metric(one, '');
  assert.ok(sample.ts > 1_600_000_000_000);
  const cpu = value(sample.readings, 'cpu.percent') ?? -1;
  assert.ok(cpu > 10 && cpu <= 100, `after 300 ms of work cpu.percent is ${cpu}`);
  const memory = value(sample.readings, 'memory.used_percent') ?? -1;
  assert.ok(memory > 0 && memory < 100);
  assert.ok((value(sample.readings, 'process.count') ?? 0) >= 1);
  assert.ok((value(sample.readings, 'load.1m') ?? -1) >= 0);
  assert.ok((value(sample.readings, 'network.errors_per_s') ?? -1) >= 0);
  const root = sample.readings.filter(({ name }) => /^disk\.(?:used|inodes)_percent/.test(name));
  for (const { value: used } of root) assert.ok(used !== null && used >= 0 && used <= 100);
  const own = sensor.processes.find(process.pid);
  assert.ok(own !== undefined && own.rss > 10 * 1_048_576);
  assert.ok(own.cpu > share / 2, `this process was busy: ${own.cpu} % of a core, by its own count ${share}`);
  assert.equal(own?.start, readProcessStat(sensor.proc, process.pid)?.start);
});

real('a process that ends is gone from the next sample, one that begins is in it, by its own file', async () => {
  const sense = new ProcessesSense(new ProcFiles());
  sense.sample(0);
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 2 ** 30)'], { stdio: 'ignore' });
  const { pid = 0 } = child;
  sense.sample(1_000);
  const row = sense.find(pid);
  assert.is(row?.start, readProcessStat(new ProcFiles(), pid)?.start);
  const ended = new Promise((resolve) => child.on('close', resolve));
  child.kill('SIGKILL');
  await ended;
  sense.sample(2_000);
  assert.is(sense.find(pid), undefined);
  const open = () => readdirSync('/proc/self/fd').length;
  const before = open();
  sense.close();
  assert.ok(open() < before, 'and nothing stays open');
});

real('a fault in one sense is a counted gap in its metrics alone', async () => {
  let broken = false;
  const odd = {
    name: 'odd',
    sample(): Reading[] {
      if (broken) throw new Error('no such luck');
      return [{ name: 'odd.value', unit: '', scale: 1, value: 1 }];
    },
  };
  const sensor = new Sensor({ proc: new ProcFiles(), watch: new Watch('/nonexistent'), cores: 1, extra: [odd] });
  await sensor.sample();
  broken = true;
  const sample = await sensor.sample();
  assert.is(value(sample.readings, 'odd.value'), null);
  assert.ok((value(sample.readings, 'memory.used_percent') ?? 0) > 0);
  assert.equal(sensor.faults(), [{ sense: 'odd', count: 1, message: 'no such luck' }]);
  assert.is(sensor.schema(), 1, 'a gap does not change the schema');
});

real('the schema grows when the metrics change', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sentinel-watch-'));
  const sensor = new Sensor({ proc: new ProcFiles(), watch: new Watch(dir), cores: 1 });
  await sensor.sample();
  assert.is(sensor.schema(), 1);
  writeFileSync(join(dir, 'a.yaml'), `version: 1\nfolders:\n  - {name: here, path: ${dir}, quota_mib: 1}\n`);
  const sample = await sensor.sample();
  assert.is(sensor.schema(), 2);
  const used = value(sample.readings, 'folder.used_mib[here]') ?? -1;
  assert.ok(used > 0 && used < 1);
  rmSync(join(dir, 'a.yaml'));
  await sensor.sample();
  assert.is(sensor.schema(), 3);
  rmSync(dir, { recursive: true });
});

real('a tree where nothing is as it should be never throws', async () => {
  const root = tree({
    stat: 'intr 1 2 3\n',
    meminfo: 'MemTotal: lots\n',
    loadavg: '\n',
    '12/stat': '12 (x',
    'net/dev': '',
  });
  const sensor = new Sensor({ proc: new ProcFiles(root), watch: new Watch('/nonexistent'), cores: 0 });
  const sample = await sensor.sample();
  assert.ok(sensor.faults().length >= 3);
  for (const reading of sample.readings) assert.ok(reading.value === null || Number.isFinite(reading.value));
  rmSync(root, { recursive: true });
});

real('whatever is in the files, a sample is made of finite numbers and gaps', async () => {
  const paths = [
    'stat meminfo vmstat loadavg uptime diskstats net/dev self/mountinfo pressure/cpu pressure/io 12/stat 12/limits',
    'sys/fs/file-nr sys/net/netfilter/nf_conntrack_count sys/net/netfilter/nf_conntrack_max sys/kernel/pid_max',
    'sys/kernel/threads-max sys/kernel/random/boot_id class/net/eth0/ifindex class/net/eth0/iflink',
    'class/net/eth0/flags class/net/eth0/carrier_changes class/hwmon/hwmon0/temp1_input class/hwmon/hwmon0/temp1_crit',
  ].flatMap((line) => line.split(' '));
  const numbers = fc.oneof(
    fc.nat(),
    fc.bigInt({ min: 0n, max: 2n ** 70n }),
    fc.constantFrom('-1', 'NaN', '1e999', '0x', ''),
  );
  const words = fc.constantFrom(
    'cpu',
    'cpu0',
    'processes',
    'some',
    'full',
    'total=',
    'oom_kill',
    'MemTotal:',
    'kB',
    'sda',
    '\n',
    ':',
    '(',
    ')',
    '-',
  );
  const text = fc.array(fc.oneof(numbers.map(String), words, fc.string({ maxLength: 8 })), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom(...paths), text), { maxLength: 24 }), async (files) => {
      const root = tree(Object.fromEntries(files.map(([path, parts]) => [path, parts.join(' ')])));
      const options = { watch: new Watch('/nonexistent'), cores: 1 };
      const sensor = new Sensor({ proc: new ProcFiles(root), sys: new ProcFiles(root), ...options });
      for (let i = 0; i < 2; i++) {
        const { readings } = await sensor.sample();
        for (const one of sensor.metrics()) metric(one, '');
        for (const reading of readings) assert.ok(reading.value === null || Number.isFinite(reading.value));
        assert.is(new Set(readings.map(({ name }) => name)).size, readings.length, 'no metric twice');
      }
      rmSync(root, { recursive: true });
    }),
    { numRuns: 60 },
  );
});
real.run();

const recorded = suite('sense: recorded trees');

recorded('cpu is the share of ticks since the sample before', () => {
  const root = tree({ stat: 'cpu  100 0 100 800 0 0 0 0 50 0\ncpu0 1 1\n' });
  const sense = new CpuSense(new ProcFiles(root));
  assert.is(value(sense.sample(0), 'cpu.percent'), null);
  writeFileSync(join(root, 'stat'), 'cpu  130 0 120 830 10 0 0 10 50 0\n');
  const readings = sense.sample(1_000);
  assert.is(value(readings, 'cpu.percent'), 60);
  assert.is(value(readings, 'cpu.iowait_percent'), 10);
  assert.is(value(readings, 'cpu.steal_percent'), 10);
  writeFileSync(join(root, 'stat'), 'cpu  1 0 1 1 0 0 0 0\n');
  assert.is(value(sense.sample(2_000), 'cpu.percent'), null, 'counters that went back are a gap');
  rmSync(root, { recursive: true });
});

recorded('memory and swap; a host without swap has no swap metric', () => {
  const root = tree({
    meminfo: 'MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:  250 kB\nSwapTotal: 100 kB\nSwapFree: 20 kB\n',
  });
  const proc = new ProcFiles(root);
  assert.is(value(new MemorySense(proc).sample(), 'memory.used_percent'), 75);
  assert.is(value(new SwapSense(proc).sample(), 'swap.used_percent'), 80);
  writeFileSync(join(root, 'meminfo'), 'SwapTotal: 0 kB\nSwapFree: 0 kB\n');
  assert.equal(new SwapSense(proc).sample(), []);
  assert.throws(() => new MemorySense(proc).sample());
  rmSync(root, { recursive: true });
});

recorded('network sums the interfaces but loopback; a name may hold a colon', () => {
  const lines = (rx: number) =>
    `h1\nh2\n    lo: 999 9 9 0 0 0 0 0 999 9 9 0 0 0 0 0\n  eth0: ${rx} 1 2 0 0 0 0 0 50 1 1 0 0 0 0 0\neth0:1: 10 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n`;
  const root = tree({ 'net/dev': lines(100) });
  const sense = new NetworkSense(new ProcFiles(root));
  sense.sample(0);
  writeFileSync(join(root, 'net/dev'), lines(1_100));
  assert.is(value(sense.sample(2_000), 'network.rx_bytes_per_s'), 500);
  writeFileSync(join(root, 'net/dev'), lines(10));
  assert.is(value(sense.sample(3_000), 'network.rx_bytes_per_s'), null, 'a counter that began anew is a gap');
  rmSync(root, { recursive: true });
});

recorded('mounts: only what can fill up, once each, with escapes undone', () => {
  const root = tree({
    'self/mountinfo': [
      '22 27 0:21 / /proc rw - proc proc rw',
      '27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
      '28 27 254:0 /x /srv/bind rw - ext4 /dev/vda rw',
      '29 27 8:1 / /mnt/a\\040b rw - xfs /dev/sda1 rw',
      '30 27 0:30 / /dev/shm rw - tmpfs tmpfs rw',
      '31 27 0:31 / /tmp rw - tmpfs tmpfs rw',
      '32 27 0:32 / /net rw - nfs4 host:/x rw',
      '33 27 0:33 / /home/u/s rw - fuse.sshfs host: rw',
      '34 27 7:1 / /snap/x ro - squashfs /dev/loop1 ro',
      '35 27 8:2 / /broken rw,relatime - ext4 /dev/sdb ro',
      '36 27 8:3 / /bad\\012name rw - ext4 /dev/sdc rw',
      'nonsense',
      '',
    ].join('\n'),
  });
  const paths = readMounts(new ProcFiles(root)).map(({ path }) => path);
  assert.equal(paths, ['/', '/mnt/a b', '/tmp']);
  const many = Array.from({ length: 50 }, (_, i) => `${i} 1 9:${i} / /m${i} rw - ext4 /dev/x rw`).join('\n');
  writeFileSync(join(root, 'self/mountinfo'), many);
  assert.is(readMounts(new ProcFiles(root)).length, 32);
  rmSync(root, { recursive: true });
});

recorded('a process may be called anything', () => {
  const name = ') S 1 (x) R 0 (';
  const stat = parseProcessStat(statLine(42, name, 7, 3), 4_096);
  assert.equal(stat, { pid: 42, comm: name, state: 'S', ppid: 1, pgrp: 42, ticks: 7, start: 777, rss: 12_288 });
  for (const bad of ['', '1', '1 (', '1 (x)', '1 (x) S', 'x (y) S 1 1', statLine(42, 'big', Number.MAX_VALUE, 1)]) {
    assert.is(parseProcessStat(bad, 4_096), null, bad);
  }
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseProcessStat(text, 4_096);
      const comm = text.slice(0, 60);
      assert.is(parseProcessStat(statLine(9, comm, 1, 1), 4_096)?.comm, comm);
    }),
  );
});

recorded('processes: cpu, growth, a reused pid, a folder that vanished', () => {
  const root = tree({ '10/stat': statLine(10, 'a b', 100, 1_000), '11/stat': 'gone', '12/comm': 'no stat' });
  const sense = new ProcessesSense(new ProcFiles(root));
  assert.is(value(sense.sample(0), 'process.count'), 3);
  assert.is(sense.rows().length, 1);
  writeFileSync(join(root, '10/stat'), statLine(10, 'a b', 150, 3_000));
  sense.sample(1_000);
  assert.is(sense.find(10)?.cpu, 50);
  assert.is(sense.find(10)?.growth, 2_000 * 4_096);
  writeFileSync(join(root, '10/stat'), statLine(10, 'a b', 5, 10).replace(' 777 ', ' 900 '));
  sense.sample(2_000);
  assert.is(sense.find(10)?.growth, 0, 'another process has another history');
  rmSync(root, { recursive: true });
  assert.throws(() => sense.sample(3_000));
  assert.throws(() => sense.rows(), /failed/);
});

recorded(
  'who sleeps is read in every fourth sample, in all when attended or woken; its time is shared out rightly',
  () => {
    const line = (pid: number, ticks: number) => statLine(pid, 'x', ticks, 10);
    const root = tree({ '10/stat': line(10, 100), '11/stat': line(11, 100) });
    const sense = new ProcessesSense(new ProcFiles(root));
    sense.attend(new Set([11]));
    for (let i = 0; i < 5; i++) sense.sample(i * 1_000);
    for (const pid of [10, 11]) writeFileSync(join(root, `${pid}/stat`), line(pid, 200));
    const seen: { readonly attended: number; readonly other: number }[] = [];
    for (let i = 5; i < 9; i++) {
      sense.sample(i * 1_000);
      seen.push({ attended: sense.find(11)?.cpu ?? -1, other: sense.find(10)?.cpu ?? -1 });
    }
    assert.is(seen[0]?.attended, 100, 'at once');
    const late = seen.findIndex(({ other }) => other > 0);
    assert.ok(late >= 0, 'within four samples');
    assert.ok((seen[late]?.other ?? 0) <= 100 / (late + 1) + 0.01, 'over all the time that it was not looked at');
    for (let i = 9; i < 14; i++) sense.sample(i * 1_000);
    writeFileSync(join(root, '10/stat'), line(10, 900));
    sense.wakeAll();
    sense.sample(14_000);
    assert.is(sense.find(10)?.ticks, 900);
    rmSync(root, { recursive: true });
  },
);

recorded('a folder walk follows no link, counts a hard link once and is bounded', async () => {
  const root = mkdtempSync(join(tmpdir(), 'sentinel-walk-'));
  mkdirSync(join(root, 'sub'));
  writeFileSync(join(root, 'sub/big'), Buffer.alloc(1_048_576, 1));
  symlinkSync('/', join(root, 'loop'));
  const { linkSync } = await import('node:fs');
  linkSync(join(root, 'sub/big'), join(root, 'again'));
  const use = await walkFolder(root);
  assert.ok(use.used >= 1_048_576 && use.used < 1_200_000, String(use.used));
  assert.ok(use.whole);
  const bounded = await walkFolder(root, 2);
  assert.is(bounded.whole, false);
  rmSync(root, { recursive: true });
});
recorded.run();
