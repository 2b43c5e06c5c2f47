import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConntrackSense } from '../../agent/sense/conntrack.ts';
import { CpuSense } from '../../agent/sense/cpu.ts';
import { FilesSense } from '../../agent/sense/files.ts';
import { MemorySense } from '../../agent/sense/memory.ts';
import { NetworkSense } from '../../agent/sense/network.ts';
import { PagingSense } from '../../agent/sense/paging.ts';
import { PressureSense } from '../../agent/sense/pressure.ts';
import { ProcessesSense } from '../../agent/sense/processes.ts';
import { Recent } from '../../agent/sense/recent.ts';
import { numberOf, ProcTree } from './proc-tree.ts';

const test = suite('sense: the kernel’s counters');

test('one busy core shows though three others idle; forks are a rate', () => {
  const stat = (busy: number, idle: number, forks: number) =>
    [
      `cpu  ${busy} 0 0 ${idle * 4} 0 0 0 0`,
      `cpu0 ${busy} 0 0 ${idle} 0 0 0 0`,
      `cpu1 0 0 0 ${idle + 100} 0 0 0 0`,
      'intr 1 2 3',
      `processes ${forks}`,
      'procs_running 1',
      '',
    ].join('\n');
  const tree = new ProcTree({ stat: stat(0, 0, 1_000) });
  const sense = new CpuSense(tree.files);
  assert.is(numberOf(sense.sample(0), 'cpu.hottest_percent'), null);
  tree.write({ stat: stat(90, 10, 1_300) });
  const readings = sense.sample(30_000);
  assert.is(numberOf(readings, 'cpu.hottest_percent'), 90);
  assert.is(numberOf(readings, 'process.forks_per_s'), 10);
  tree.write({ stat: stat(90, 10, 5) });
  assert.is(numberOf(sense.sample(60_000), 'process.forks_per_s'), null, 'a counter that went back is a gap');
  tree.remove();
});

test('pressure is the share of the interval, from the running totals', () => {
  const psi = (some: number, full?: number) =>
    `some avg10=99.00 avg60=0.00 avg300=0.00 total=${some}\n${full === undefined ? '' : `full avg10=0.00 avg60=0.00 avg300=0.00 total=${full}\n`}`;
  const tree = new ProcTree({ 'pressure/cpu': psi(0), 'pressure/io': psi(0, 0) });
  const sense = new PressureSense(tree.files);
  assert.is(numberOf(sense.sample(0), 'pressure.cpu_some_percent'), null);
  tree.write({ 'pressure/cpu': psi(15_000_000), 'pressure/io': psi(6_000_000, 3_000_000) });
  const readings = sense.sample(30_000);
  assert.is(numberOf(readings, 'pressure.cpu_some_percent'), 50);
  assert.is(numberOf(readings, 'pressure.io_some_percent'), 20);
  assert.is(numberOf(readings, 'pressure.io_full_percent'), 10);
  assert.is(numberOf(readings, 'pressure.memory_full_percent'), undefined, 'a file that is not there has no metric');
  tree.remove();
  assert.equal(sense.sample(60_000), [], 'a kernel without it has none');
});

test('a kill for want of memory is told for a minute, and not for what was killed before', () => {
  const vmstat = (kills: number) =>
    `nr_free_pages 1\npswpin ${kills * 30}\npgmajfault ${kills * 300}\noom_kill ${kills}\n`;
  const tree = new ProcTree({ vmstat: vmstat(4) });
  const sense = new PagingSense(tree.files);
  assert.is(numberOf(sense.sample(0), 'memory.oom_kills'), 0);
  tree.write({ vmstat: vmstat(6) });
  const readings = sense.sample(30_000);
  assert.is(numberOf(readings, 'memory.oom_kills'), 2);
  assert.is(numberOf(readings, 'memory.major_faults_per_s'), 20);
  assert.is(numberOf(readings, 'swap.in_pages_per_s'), 2);
  assert.is(numberOf(sense.sample(60_000), 'memory.oom_kills'), 2);
  assert.is(numberOf(sense.sample(90_000), 'memory.oom_kills'), 0);
  tree.write({ vmstat: 'pgmajfault 1\n' });
  assert.is(numberOf(sense.sample(120_000), 'memory.oom_kills'), null, 'an old kernel does not count them');
  tree.remove();
});

test('a counter that begins anew has not happened', () => {
  const recent = new Recent(1_000);
  assert.equal([recent.see(0, 50), recent.see(100, 3), recent.see(200, 5)], [0, 0, 2]);
  for (let i = 0; i < 1_000; i++) recent.see(300, 6 + i);
  assert.is(recent.see(301, 1_006), 1_003, 'joined beyond its bound, and nothing is lost');
});

test('memory that waits for a disk, and what the kernel holds', () => {
  const tree = new ProcTree({
    meminfo:
      'MemTotal: 1000 kB\nMemAvailable: 250 kB\nDirty: 1024 kB\nWriteback: 1024 kB\nSUnreclaim: 50 kB\nKernelStack: 20 kB\nPageTables: 20 kB\nPercpu: 10 kB\n',
  });
  const readings = new MemorySense(tree.files).sample();
  assert.is(numberOf(readings, 'memory.dirty_mib'), 2);
  assert.is(numberOf(readings, 'memory.kernel_percent'), 10);
  tree.remove();
});

test('connections against their table; a kernel that tracks none has no such metric', () => {
  const tree = new ProcTree();
  const sense = new ConntrackSense(tree.files);
  assert.equal(sense.sample(0), []);
  const at = (name: string) => `sys/net/netfilter/nf_conntrack_${name}`;
  tree.write({ [at('count')]: '850\n', [at('max')]: '1000\n' });
  // It is looked for once a minute: the first rule of a firewall may come at any time.
  assert.equal(sense.sample(59_000), []);
  assert.is(numberOf(sense.sample(60_000), 'conntrack.used_percent'), 85);
  tree.write({ [at('max')]: '0\n' });
  assert.is(numberOf(sense.sample(60_000), 'conntrack.used_percent'), null);
  tree.remove();
});

test('drops are counted beside errors', () => {
  const dev = (drops: number) => `h\nh\n eth0: 0 0 0 ${drops} 0 0 0 0 0 0 0 ${drops} 0 0 0 0\n`;
  const tree = new ProcTree({ 'net/dev': dev(0) });
  const sense = new NetworkSense(tree.files);
  sense.sample(0);
  tree.write({ 'net/dev': dev(5) });
  assert.is(numberOf(sense.sample(1_000), 'network.drops_per_s'), 10);
  assert.is(numberOf(sense.sample(2_000), 'network.errors_per_s'), 0);
  tree.remove();
});

const stat = (pid: number, state: string) =>
  `${pid} (x) ${state} 1 ${pid} 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 7 0 10 0\n`;

test('processes that wait in the kernel, and how full their table is', () => {
  const tree = new ProcTree({
    '5/stat': stat(5, 'D'),
    '6/stat': stat(6, 'Z'),
    '7/stat': stat(7, 'D'),
    loadavg: '0.1 0.1 0.1 1/8000 99\n',
    'sys/kernel/pid_max': '32768\n',
    'sys/kernel/threads-max': '10000\n',
  });
  const readings = new ProcessesSense(tree.files).sample(0);
  assert.is(numberOf(readings, 'process.blocked'), 2);
  assert.is(numberOf(readings, 'process.zombies'), 1);
  assert.is(numberOf(readings, 'process.table_percent'), 80);
  tree.remove();
});

test('open files: the host’s, and the process nearest to its own limit', () => {
  const limits = (soft: number) =>
    `Limit Soft Hard Units\nMax open files            ${soft}                 4096                 files\n`;
  const files = (pid: number, count: number, soft: number) => ({
    [`${pid}/stat`]: stat(pid, 'S'),
    [`${pid}/limits`]: limits(soft),
    ...Object.fromEntries(Array.from({ length: count }, (_, fd) => [`${pid}/fd/${fd}`, ''])),
  });
  const tree = new ProcTree({
    'sys/fs/file-nr': '800 0 1000\n',
    ...files(5, 10, 1_000),
    ...files(6, 90, 100),
    ...files(7, 9, 10),
    '8/stat': stat(8, 'S'),
  });
  const processes = new ProcessesSense(tree.files);
  processes.sample(0);
  const sense = new FilesSense(tree.files, processes);
  const readings = sense.sample();
  assert.is(numberOf(readings, 'files.used_percent'), 80);
  assert.is(numberOf(readings, 'files.process_percent'), 90, 'ten of ten files are no service’s');
  assert.equal(sense.nearest(), { pid: 6, open: 90, limit: 100 });
  tree.remove('6');
  processes.sample(1);
  assert.is(numberOf(sense.sample(), 'files.process_percent'), 1, 'who is gone is forgotten');
  tree.write({ 'sys/fs/file-nr': '800\t0\t9223372036854775807\n' });
  assert.is(numberOf(sense.sample(), 'files.used_percent'), undefined, 'a limit that no host reaches is none');
  tree.remove();
});

test.run();
