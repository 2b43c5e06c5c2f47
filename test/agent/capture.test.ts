import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { capture } from '../../agent/capture.ts';
import type { Finding } from '../../agent/detect/finding.ts';
import { Growth } from '../../agent/growth.ts';
import { readInventory } from '../../agent/inventory.ts';
import { findOpeners } from '../../agent/sense/open-files.ts';
import { ProcFiles } from '../../agent/sense/proc-files.ts';
import { Sensor } from '../../agent/sense/sensor.ts';
import { timerOf, unitOf } from '../../agent/unit-of.ts';
import { Watch } from '../../agent/watch.ts';
import { snapshot } from '../../broker/messages.ts';

interface Context {
  dir: string;
  sensor: Sensor;
  child: ChildProcess;
}
const MIB = 1_048_576;
const test = suite<Context>('capture', { dir: '', sensor: undefined, child: undefined } as unknown as Context);

const found = (signal: string, metric: string, value: number, limit: number): Finding => ({
  kind: 'anomaly',
  signal,
  severity: 'warning',
  metric,
  value,
  limit: { value: limit, healthy: 'below' },
  reason: 'because',
  fingerprint: `${signal}:x`,
});

test.before(async (context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'sentinel-capture-'));
  const hog = `const kept=Buffer.alloc(80*1048576,1);
    const fd=require('fs').openSync(process.argv[2]+'/open.log','w');
    process.stdout.write('ready');setInterval(()=>kept.length+fd,1000)`;
  const script = join(context.dir, 'hog.cjs');
  writeFileSync(script, hog);
  context.child = spawn(process.execPath, [script, context.dir, '--password', 'hunter2hunter2'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => context.child.stdout?.once('data', resolve));
  writeFileSync(join(context.dir, 'pgid'), `${context.child.pid}\n`);
  writeFileSync(join(context.dir, 'big.dat'), Buffer.alloc(3 * 1_048_576, 7));
  writeFileSync(
    join(context.dir, 'w.yaml'),
    `version: 1\ngroups:\n  - {name: hog, pgid_file: ${join(context.dir, 'pgid')}, memory_mib: 64}\nfolders:\n  - {name: data, path: ${context.dir}, quota_mib: 2}\n`,
  );
  context.sensor = new Sensor({
    proc: new ProcFiles(),
    watch: new Watch(context.dir),
    cores: availableParallelism(),
  });
  await context.sensor.sample();
  await context.sensor.sample();
});

test.after(({ child, dir }) => {
  child.kill('SIGKILL');
  rmSync(dir, { recursive: true });
});

test('of a group: its largest member is the culprit, in the rankings, with its secrets hidden', async ({
  sensor,
  child,
}) => {
  const shot = snapshot(await capture(found('group.memory', 'group.memory_mib[hog]', 90, 64), sensor), '');
  assert.is(shot.facts['culprit']?.text, String(child.pid));
  assert.is(shot.facts['limit']?.text, '64 MiB');
  assert.is(shot.facts['group']?.text, 'hog');
  const own = shot.top_mem.find(({ process }) => process.pid === child.pid);
  assert.ok(own);
  assert.is(own.group, 'hog');
  assert.is(own.cmd.trusted, false);
  assert.match(own.cmd.text, /\[redacted\]/);
  assert.not.match(JSON.stringify(shot), /hunter2/);
  assert.ok(own.rss > 80 * 1_048_576);
  assert.ok((own.fds ?? 0) > 3);
  assert.ok(own.process.exe?.startsWith('/'));
  assert.ok(shot.top_cpu.length <= 8 && shot.top_mem.length <= 8 && shot.top_fds.length <= 8);
});

test('of a folder: its largest files, and who writes there', async ({ sensor, child, dir }) => {
  const shot = snapshot(await capture(found('folder.space', 'folder.used_mib[data]', 3, 2), sensor), '');
  assert.is(shot.facts['path']?.text, dir);
  assert.is(shot.facts['file.1']?.text, `3 MiB ${join(dir, 'big.dat')}`);
  assert.is(shot.facts['file.1']?.trusted, false);
  assert.is(shot.facts['culprit']?.text, String(child.pid));
  assert.match(shot.facts['open.1']?.text ?? '', /1 written, 0 read, for instance .*open\.log/);
});

test('of a file system: who holds what was deleted is the culprit, whoever writes there too', async ({
  sensor,
  dir,
}) => {
  const holder = join(dir, 'held.log');
  const fd = openSync(holder, 'w');
  // Named as the kernel names what is deleted, and is not.
  const named = openSync(join(dir, 'x (deleted)'), 'w');
  writeSync(named, Buffer.alloc(1_024, 1));
  writeSync(fd, Buffer.alloc(20 * 1_048_576, 1));
  rmSync(holder);
  // This very process holds it, and no sensing agent is its own culprit: another has it too.
  const other = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', fd] });
  closeSync(fd);
  closeSync(named);
  try {
    await sensor.sample();
    const onDiskOf = async (mebibytes: number) => {
      sensor.disks.disks = () => [
        { path: dir, type: 'ext4', device: '8:1', total: mebibytes * MIB, used: 0, inodes: 0, inodesUsed: 0 },
      ];
      return snapshot(await capture(found('disk.space', `disk.used_percent[${dir}]`, 95, 90), sensor), '');
    };
    const shot = await onDiskOf(380);
    assert.is(shot.facts['held']?.text, `pid ${other.pid} holds 20 MiB of deleted files`);
    assert.is(shot.facts['held']?.trusted, true);
    assert.is(shot.facts['culprit']?.text, String(other.pid));
    const large = await onDiskOf(500);
    assert.is(large.facts['held'], undefined, 'under 5 % of it');
    assert.is.not(large.facts['culprit']?.text, String(other.pid));
    const folder = snapshot(await capture(found('folder.space', 'folder.used_mib[data]', 3, 2), sensor), '');
    assert.is.not(folder.facts['culprit']?.text, String(other.pid), 'a quota does not count what was deleted');
  } finally {
    Reflect.deleteProperty(sensor.disks, 'disks');
    other.kill('SIGKILL');
  }
});

test('what was deleted on another file system takes no space of this one, though its name is below', () => {
  const shared = '/dev/shm';
  const file = join(shared, `sentinel-capture-${process.pid}`);
  const fd = openSync(file, 'w');
  rmSync(file);
  writeSync(fd, Buffer.alloc(MIB, 1));
  const other = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', fd] });
  closeSync(fd);
  try {
    const held = (folder: string) => findOpeners(new ProcFiles(), [Number(other.pid)], folder)[0]?.held;
    assert.is(held(shared), MIB);
    assert.is(held('/'), statSync('/').dev === statSync(shared).dev ? MIB : 0);
  } finally {
    other.kill('SIGKILL');
  }
});

/** A process that has so many zombies, once a sample shows them. */
async function parentOf(zombies: number, sensor: Sensor): Promise<ChildProcess> {
  const script = `const {spawn}=require('child_process');for(let i=0;i<${zombies};i++)spawn('true',{stdio:'ignore'});
    process.stdout.write('ready');Atomics.wait(new Int32Array(new SharedArrayBuffer(4)),0,0)`;
  const parent = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => parent.stdout?.once('data', resolve));
  const ended = () => sensor.processes.rows().filter(({ ppid, state }) => ppid === parent.pid && state === 'Z').length;
  do await sensor.sample();
  while (ended() < zombies);
  return parent;
}

test('of zombies: the parent that collects none of them, and nobody where each has a few', async ({ sensor }) => {
  const parents: ChildProcess[] = [];
  const rows = sensor.processes.rows.bind(sensor.processes);
  const look = async () => {
    // Those alone that this test made: others on this machine may have as many.
    sensor.processes.rows = () => rows().filter(({ ppid }) => parents.some(({ pid }) => pid === ppid));
    const shot = snapshot(await capture(found('host.zombies', 'process.zombies', 60, 50), sensor), '');
    Reflect.deleteProperty(sensor.processes, 'rows');
    return shot.facts['culprit']?.text;
  };
  try {
    for (let i = 0; i < 3; i++) parents.push(await parentOf(4, sensor));
    assert.is(await look(), undefined);
    parents.push(await parentOf(12, sensor));
    assert.is(await look(), String(parents[3]?.pid), 'half of them is enough');
  } finally {
    for (const parent of parents) parent.kill('SIGKILL');
  }
});

test('of a workload that has ended, the unit that the site names; of a failed job, its timer', async ({ dir }) => {
  const root = join(dir, 'root');
  const watched = join(dir, 'watched');
  mkdirSync(join(root, 'etc/systemd/system'), { recursive: true });
  mkdirSync(watched);
  writeFileSync(join(root, 'etc/systemd/system/export.timer'), '[Timer]\nOnCalendar=daily\n');
  const group = `{name: hist, pgid_file: ${join(dir, 'none')}, processes_min: 1, unit: historian.service}`;
  writeFileSync(join(watched, 'w.yaml'), `version: 1\ngroups:\n  - ${group}\n`);
  const sensor = new Sensor({ proc: new ProcFiles(), watch: new Watch(watched), cores: 1 });
  await sensor.sample();
  const missing = await capture(found('group.missing', 'group.missing[hist]', 1, 1), sensor, { root });
  assert.equal([missing.facts['unit']?.text, missing.facts['timer']], ['historian.service', undefined]);
  const failed = await capture(found('unit.failed', 'unit.failed[export.service]', 1, 1), sensor, { root });
  assert.equal([failed.facts['unit']?.text, failed.facts['timer']?.text], ['export.service', 'export.timer']);
  sensor.close();
});

test('a timer that is masked or starts another unit is not that of the service', ({ dir }) => {
  const root = join(dir, 'timers');
  const [etc, lib] = [join(root, 'etc/systemd/system'), join(root, 'lib/systemd/system')];
  for (const folder of [etc, lib]) mkdirSync(folder, { recursive: true });
  const of = (text: string) => {
    writeFileSync(join(lib, 'export.timer'), text);
    return timerOf('export.service', root);
  };
  for (const own of ['[Timer]\nOnCalendar=daily\n', '[Timer]\n Unit = export.service \n', '[Timer]\n#Unit=a.service\n'])
    assert.is(of(own), 'export.timer', own);
  for (const none of [
    '',
    '[Timer]\nUnit=a.service\n',
    '[Timer]\nUnit=export.service\nUnit = a.service',
    'x'.repeat(70_000),
  ])
    assert.is(of(none), null, none.slice(0, 60));
  of('[Timer]\nOnCalendar=daily\n');
  symlinkSync('/dev/null', join(etc, 'export.timer'));
  assert.is(timerOf('export.service', root), null, 'masked, whatever the package brought');
  assert.is(timerOf('export.socket', root), null);
  rmSync(root, { recursive: true });
});

test('of the host, and of what has vanished meanwhile', async ({ sensor }) => {
  const host = snapshot(await capture(found('host.memory', 'memory.used_percent', 95, 92), sensor), '');
  assert.ok(Number(host.facts['culprit']?.text) > 0);
  assert.ok(Number(host.facts['cores']?.text) >= 1);
  assert.match(host.facts['kernel']?.text ?? '', /^\d+\./);
  const gone = snapshot(await capture(found('group.memory', 'group.memory_mib[none]', 1, 1), sensor), '');
  assert.is(gone.facts['culprit'], undefined);
  snapshot(await capture(found('folder.space', 'folder.used_mib[none]', 1, 1), sensor), '');
  snapshot(await capture(found('disk.space', 'disk.used_percent[/nonexistent]', 99, 90), sensor), '');
});

test('what the culprit wrote last and what changed here go with it, redacted and marked', async ({
  sensor,
  dir,
  child,
}) => {
  const root = join(dir, 'root');
  const comm = sensor.processes.find(child.pid ?? 0)?.comm ?? '';
  mkdirSync(join(root, 'var/log'), { recursive: true });
  mkdirSync(join(root, 'etc/mes'), { recursive: true });
  writeFileSync(join(root, 'etc/mes/mes.yaml'), 'x');
  const line = (tag: string, text: string) => `2026-11-26T09:12:01.000000+00:00 host ${tag}: ${text}\n`;
  writeFileSync(
    join(root, 'var/log/syslog'),
    line(`${comm}[12]`, 'queue is full') +
      line('other', 'unrelated') +
      line(comm, `login with password=hunter2hunter2`),
  );
  const finding = found('group.memory', 'group.memory_mib[hog]', 90, 64);
  const shot = snapshot(await capture(finding, sensor, { root }), '');
  assert.equal(
    shot.unit_lines.map(({ text, trusted }) => [text.replace(/^\S+ \S+ /, ''), trusted]),
    [
      [`${comm}[12]: queue is full`, false],
      [`${comm}: login with password=[redacted]`, false],
    ],
  );
  assert.ok(shot.changes.some(({ what }) => what.text === 'configuration written: /etc/mes/mes.yaml' && !what.trusted));
  rmSync(root, { recursive: true });
});

test('of a declared log: its last lines, and the kinds of line with their counts, redacted', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sentinel-capture-log-'));
  const log = join(dir, 'app.log');
  writeFileSync(log, '');
  writeFileSync(join(dir, 'w.yaml'), `version: 1\nlogs:\n  - {name: app, glob: ${log}}\nsenses: {journal: off}\n`);
  const sensor = new Sensor({ proc: new ProcFiles(), watch: new Watch(dir), cores: 1 });
  try {
    await sensor.sample();
    appendFileSync(
      log,
      'ERROR payment 17 failed, token=abcdefgh12345678\nERROR payment 18 failed, token=abcdefgh12345678\n',
    );
    await sensor.sample();
    const shot = snapshot(
      await capture(found('log.errors', 'log.errors_per_minute[app]', 9, 1), sensor, { root: dir }),
      '',
    );
    assert.is(shot.unit_lines.length, 2);
    assert.match(shot.unit_lines[1]?.text ?? '', /ERROR payment 18 failed, token=\[redacted\]$/);
    assert.is(shot.log_templates[0]?.count, 2);
    assert.match(shot.log_templates[0]?.template.text ?? '', /^ERROR payment \S+ failed/);
    assert.not.match(JSON.stringify(shot), /abcdefgh12345678/);
    assert.ok(
      [...shot.unit_lines, ...shot.log_templates.map(({ template }) => template)].every(({ trusted }) => !trusted),
    );
  } finally {
    sensor.close();
    rmSync(dir, { recursive: true });
  }
});

test('of a folder that was looked at before: what grew since', async ({ sensor, dir }) => {
  let now = 0;
  const growth = new Growth(() => now);
  const finding = found('folder.space', 'folder.used_mib[data]', 3, 2);
  const first = await capture(finding, sensor, { growth });
  assert.is(first.facts['grower.1'], undefined);
  assert.match(first.facts['newest.1']?.text ?? '', /^3 MiB, written \d+ s before: .*big\.dat$/);
  mkdirSync(join(dir, 'spool'));
  writeFileSync(join(dir, 'spool/a.dat'), Buffer.alloc(2 * 1_048_576, 7));
  now = 5 * 60_000;
  const second = await capture(finding, sensor, { growth });
  assert.is(second.facts['grower.1']?.text, `+2 MiB in 5 min, now 2 MiB: ${join(dir, 'spool')}`);
  assert.is(second.facts['grower.1']?.trusted, false);
  rmSync(join(dir, 'spool'), { recursive: true });
});

test('a process is known by its unit, in either version of control groups, and by none that is a session', ({
  dir,
}) => {
  const proc = new ProcFiles(join(dir, 'proc'));
  const of = (cgroup: string) => {
    mkdirSync(join(dir, 'proc/7'), { recursive: true });
    writeFileSync(join(dir, 'proc/7/cgroup'), cgroup);
    return unitOf(proc, 7);
  };
  assert.is(of('0::/system.slice/nginx.service\n'), 'nginx.service');
  assert.is(of('0::/system.slice/nginx.service/worker\n'), 'nginx.service');
  assert.is(
    of('12:pids:/x.service\n1:name=systemd:/system.slice/system-getty.slice/getty@tty1.service\n'),
    'getty@tty1.service',
  );
  for (const none of [
    '0::/user.slice/user-1000.slice/session-4.scope',
    '0::/user.slice/user-1000.slice/user@1000.service',
    '0::/',
    '',
    '0::/a b.service',
    'x'.repeat(9_000),
  ]) {
    assert.is(of(none), null, none.slice(0, 60));
  }
  assert.is(unitOf(proc, 8), null);
  rmSync(join(dir, 'proc'), { recursive: true });
});

test('a snapshot fits a message, whatever the files are called', async ({ sensor, dir }) => {
  for (let i = 0; i < 20; i++) {
    const fd = openSync(join(dir, `${i}-${'\u001b\u202e𝕏'.repeat(30)}`), 'w');
    writeSync(fd, 'x'.repeat(5_000));
    closeSync(fd);
  }
  const shot = await capture(found('folder.space', 'folder.used_mib[data]', 3, 2), sensor);
  assert.ok(Buffer.byteLength(JSON.stringify(shot)) < 60_000);
  const text = Object.values(shot.facts)
    .map((fact) => fact.text)
    .join('');
  assert.not.match(text, /\p{Cc}|\p{Cf}/u);
});

test('the inventory has what an order may name', ({ sensor, child, dir }) => {
  const names = readInventory(sensor, { processes: 10_000 });
  const own = names.processes.find(({ pid }) => pid === child.pid);
  assert.is(own?.start, sensor.processes.find(child.pid ?? 0)?.start);
  assert.equal(names.folders, [dir]);
  assert.ok(names.mounts.every((path) => path.startsWith('/')));
  assert.ok(names.hosts.length >= 1);
  const bounded = readInventory(sensor, { processes: 2 });
  assert.is(bounded.processes.length, 2);
  assert.is(bounded.processes[0]?.pid, child.pid, 'watched processes come first');
});
test.run();
