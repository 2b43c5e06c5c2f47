import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { maySweep } from '../../hub/playbook/fill.ts';
import { shownCauses } from '../../hub/reason/causes/known.ts';
import { RulesReasoner } from '../../hub/reason/rules.ts';
import { builtIn, MIB, processRow, said } from './evidence-fixtures.ts';
import { evidenceOf, type Told } from './told-evidence.ts';

/** Causes of the machine itself, its disks, its memory and its processes. */
const test = suite('causes of hosts');
const rules = new RulesReasoner({ playbooks: builtIn.playbooks, tried: () => [], clock: () => 0 });

const causes = (told: Told) => shownCauses(evidenceOf(told));
const answer = (told: Told) => rules.diagnose(evidenceOf(told), new AbortController().signal);
const commandsOf = (one: { readonly commands: readonly { readonly command: string }[] } | undefined) =>
  one?.commands.map(({ command }) => command) ?? [];

const READ_ONLY = { signal: 'disk.read_only', metric: 'disk.read_only[/srv/vault]' };

test('a path to storage that was away is no bad disk, and what came back is not mounted writable unchecked', async () => {
  const lines = [
    'kernel: session2: session recovery timed out after 120 secs',
    'kernel: EXT4-fs (sdd1): Remounting filesystem read-only',
    'iscsid: connection2:0 is operational after recovery (3 attempts)',
  ];
  const [first] = causes({ ...READ_ONLY, lines });
  assert.is(first?.id, 'storage-path-lost');
  assert.match(first?.sentence ?? '', /iSCSI session.*\/srv\/vault.*come back since.*checked/);
  const { root_cause, commands, needs_human } = await answer({ ...READ_ONLY, lines });
  assert.match(root_cause, /iSCSI session/);
  assert.ok(needs_human);
  assert.ok(commands.some(({ command }) => command === 'iscsiadm -m session'));
  assert.not.ok(commands.some(({ command }) => /mount|fsck/.test(command.replace('findmnt', ''))));
  const fabric = causes({ ...READ_ONLY, lines: ['kernel: rport-1:0-4: blocked FC remote port time out: removing'] })[0];
  assert.match(fabric?.sentence ?? '', /Fibre Channel path/);
  // A disk of its own that fails is the disk.
  const disk = causes({ ...READ_ONLY, lines: ['kernel: Buffer I/O error on dev sda1, logical block 7'] })[0];
  assert.is(disk?.id, 'read-only');
  const local = [
    'nvme nvme0: controller is down; will reset: CSTS=0xffffffff',
    'kernel: I/O error, dev nvme0n1, sector 0',
  ];
  const ids = causes({ signal: 'kernel.disk', metric: 'kernel.disk_errors', lines: local }).map(({ id }) => id);
  assert.is(ids[0], 'failing-disk', 'an NVMe disk in the host has no path');
  // The cable of a serial converter leads to no storage.
  const adapter = ['kernel: usb 1-1.3: USB disconnect, device number 5', 'mbusd: serial /dev/ttyUSB0: I/O error'];
  const field: Told = { signal: 'log.errors', metric: 'log.errors[mbusd.service]', lines: adapter };
  assert.is(causes(field)[0]?.id, 'fieldbus');
  const stick = ['kernel: usb 2-1: USB disconnect, device number 3', 'kernel: I/O error, dev sdb, sector 8'];
  assert.match(causes({ ...READ_ONLY, lines: stick })[0]?.sentence ?? '', /USB connection/);
});

test('what programs say of themselves is no array', () => {
  const told = (line: string): Told => ({ signal: 'log.errors', metric: 'log.errors[shop.service]', lines: [line] });
  const ids = (line: string, more: readonly string[] = []) =>
    causes({ ...told(line), lines: [line, ...more] }).map(({ id }) => id);
  for (const line of ['shop: connection pool degraded, 0 idle', 'shop: circuit breaker state: degraded'])
    assert.not.ok(ids(line).includes('raid-degraded'), line);
  assert.ok(ids('state: DEGRADED', ['zed: vdev removed from tank']).includes('raid-degraded'));
  assert.not.ok(
    causes({ signal: 'metric.unusual', metric: 'shop.degraded_percent', value: 9 }).some(
      ({ id }) => id === 'raid-degraded',
    ),
  );
  assert.ok(
    causes({ signal: 'metric.unusual', metric: 'raid.degraded[md0]', value: 1 }).some(
      ({ id }) => id === 'raid-degraded',
    ),
  );
});

test('that somebody logged in names no files to delete', () => {
  const told = (line: string): Told => ({
    signal: 'disk.inodes',
    metric: 'disk.inodes_percent[/data/web]',
    value: 99,
    lines: [line],
    snapshot: { mounts: [{ path: '/data/web', type: 'ext4', total: 100 * MIB, used: 40 * MIB }] },
  });
  const commands = (line: string) => commandsOf(causes(told(line)).find(({ id }) => id === 'inodes'));
  assert.ok(commands('php: open(/data/web/sess_q8s1) failed').some((one) => /-name 'sess_\*'.*-delete/.test(one)));
  const login = commands('sshd: pam_unix(sshd:session): session opened for user root');
  assert.ok(login.length > 0 && !login.some((one) => /-delete/.test(one)), login.join());
});

test('a failed member of an array is named beside the job that uses the same disks', async () => {
  const told: Told = {
    signal: 'disk.slow',
    metric: 'disk.await_ms[sdc]',
    value: 240,
    lines: ['kernel: md/raid10:md7: Disk failure on sde3, disabling device.', 'kernel: md: recovery of RAID array md7'],
    snapshot: { top_cpu: [processRow(77, 'restic', { cpu: 60, cmd: said('/usr/bin/restic backup /srv') })] },
  };
  const [first] = causes(told);
  assert.is(first?.id, 'raid-degraded');
  assert.match(first?.sentence ?? '', /md7 is degraded: its member sde3 failed.*rebuilds.*restic \(pid 77\)/);
  assert.equal(commandsOf(first), ['cat /proc/mdstat', 'smartctl -a /dev/sde', 'renice -n 15 -p 77']);
  const { root_cause, needs_human } = await answer(told);
  assert.match(root_cause, /sde3/);
  assert.ok(needs_human);
  const partition = causes({
    ...told,
    lines: ['mdadm: Fail event detected on md device /dev/md0, component device /dev/nvme1n1p2'],
  })[0];
  assert.ok(commandsOf(partition).includes('smartctl -a /dev/nvme1n1'));
});

test('a planned check of an array is no fault; with a member missing it is none of these', async () => {
  const told: Told = { signal: 'disk.slow', metric: 'disk.busy_percent[sdc]', value: 96 };
  const lines = ['kernel: md: data-check of RAID array md3'];
  const [first] = causes({ ...told, lines });
  assert.is(first?.id, 'raid-check');
  assert.match((await answer({ ...told, lines })).root_cause, /planned consistency check.*md3.*nothing is broken/);
  assert.equal(commandsOf(await answer({ ...told, lines })), ['cat /proc/mdstat']);
  const broken = [...lines, 'mdadm: DegradedArray event detected on md device /dev/md3'];
  assert.is(causes({ ...told, lines: broken })[0]?.id, 'raid-degraded');
});

test('a host that started anew: what came before it tells why, or that nobody knows', async () => {
  const told: Told = { signal: 'host.reboot', metric: 'host.rebooted' };
  const why = (lines: readonly string[]) => causes({ ...told, lines }).find(({ id }) => id === 'reboot');
  assert.match(why(['kernel: Kernel panic - not syncing: Fatal exception'])?.sentence ?? '', /panicked/);
  assert.match(why(['iTCO_wdt: watchdog did not stop! reset by watchdog'])?.sentence ?? '', /watchdog reset it/);
  assert.match(why(['upsmon: UPS ups@localhost on battery'])?.sentence ?? '', /power failed/);
  assert.not.match(why(['zigbee2mqtt: sensor attic: low battery'])?.sentence ?? '', /power failed/);
  assert.match(why(['systemd-logind: System is rebooting.'])?.sentence ?? '', /in order/);
  const unclean = why(['systemd-fsck: /dev/sda2: recovering journal']);
  assert.match(unclean?.sentence ?? '', /without a clean shutdown.*not known/);
  assert.is(unclean?.or?.length, 3);
  const mute = await answer(told);
  assert.ok(mute.needs_human);
  assert.is(mute.playbook, 'unexpected-reboot');
  // Where a unit fails at a boot, the boot explains it and is no finding of its own.
  assert.not.ok(
    causes({
      signal: 'unit.failed',
      metric: 'unit.failed[app.service]',
      also: [{ signal: 'host.reboot', reason: 'boot' }],
    }).some(({ id }) => id === 'reboot'),
  );
});

test('a clock that started in the past is the cause, and no certificate', () => {
  const told: Told = {
    signal: 'clock.offset',
    metric: 'clock.offset_s',
    value: -90_000_000,
    lines: [
      'kernel: rtc-ds1307 1-0068: oscillator failed, set time!',
      'curl: certificate is not yet valid',
      'chrony: No suitable source',
    ],
    also: [{ signal: 'certificate.expiry', metric: 'certificate.days_left[/etc/x.crt]', value: 1_400, reason: 'x' }],
    units: ['chrony.service'],
  };
  const found = causes(told);
  assert.is(found[0]?.id, 'real-time-clock');
  assert.match(found[0]?.sentence ?? '', /wrong by 1042 days.*RTC.*certificates look invalid only because of it/);
  assert.ok(commandsOf(found[0]).includes('chronyc makestep'));
  assert.not.ok(found.some(({ id }) => id === 'certificate' || id === 'clock'));
  // A certificate that is far from its end is no trouble, whatever its days were before.
  const far = { signal: 'certificate.expiry', metric: 'certificate.days_left[/etc/x.crt]', value: 1_400 };
  assert.equal(causes(far), []);
});

test('heat under the usual load leaves open what cools badly', () => {
  const [first] = causes({ signal: 'host.temperature', metric: 'thermal.hottest_c', value: 97 });
  assert.is(first?.id, 'heat');
  assert.match(first?.sentence ?? '', /97 °C.*usual load/);
  assert.ok((first?.or?.length ?? 0) >= 2);
});

test('a heap that may outgrow its limit is put beside it, and no restart is proposed', async () => {
  const told: Told = {
    signal: 'kernel.oom',
    metric: 'kernel.oom_kills[shop.service]',
    value: 4,
    units: ['shop.service'],
    lines: [
      'kernel: Memory cgroup out of memory: Killed process 811 (java) total-vm:9000000kB',
      'kernel: memory: usage 1048576kB, limit 1048576kB, failcnt 12',
      'systemd: shop.service: Scheduled restart job, restart counter is at 9.',
    ],
    snapshot: {
      top_mem: [processRow(812, 'java', { rss: 900 * MIB, cmd: said('/usr/bin/java -Xmx2g -jar /opt/shop.jar') })],
      facts: { unit: said('shop.service', true) },
    },
  };
  const answered = await answer(told);
  assert.match(answered.root_cause, /heap may grow to 2048 MiB \(-Xmx\), while the limit is 1024 MiB/);
  assert.equal(commandsOf(answered), ['free -m', 'systemctl status --no-pager shop.service']);
  assert.ok(answered.needs_human);
  assert.ok(causes(told)[0]?.futile?.includes('oom-killed'));
  const once = causes({ ...told, lines: ['kernel: Memory cgroup out of memory: Killed process 811 (java)'] });
  assert.is(once[0]?.futile, undefined, 'killed once: one more start may do');
});

test('workers of one service share the load: the service is treated, and no one of them', async () => {
  const worker = (pid: number) => processRow(pid, 'scanner', { cpu: 99, user: 'scan' });
  const told: Told = {
    signal: 'host.cpu',
    metric: 'cpu.percent',
    value: 97,
    units: ['scanner.service'],
    snapshot: { top_cpu: [worker(31), worker(32), processRow(9, 'nginx', { cpu: 2 })] },
  };
  const plain = await answer(told);
  assert.match(plain.root_cause, /2 workers of scanner\.service/);
  assert.not.match([plain.root_cause, ...plain.alternatives].join(), /several share|many processes/);
  assert.ok(plain.needs_human);
  const slow = await answer({ ...told, lines: ['scanner: slow rule BODY_17: 31000 ms'] });
  assert.match(slow.root_cause, /scanner \(pid 31\).*1 more of its workers/);
  assert.ok(commandsOf(slow).includes('systemctl restart scanner.service'));
  // Two programs that share it are two programs.
  const two = { ...told, snapshot: { top_cpu: [worker(31), processRow(33, 'encoder', { cpu: 98 })] } };
  assert.match((await answer(two)).root_cause, /several share the load/);
});

test('what starts the children of a fork storm is stopped, and none of them', async () => {
  const child = (pid: number) => processRow(pid, 'bash', { cmd: said('/bin/bash /opt/jobs/sync-labels.sh') });
  const told: Told = {
    signal: 'host.tasks',
    metric: 'process.forks_per_s',
    value: 900,
    units: ['incron.service', 'incrond.service'],
    lines: ['incrond: (lab) CMD (/opt/jobs/sync-labels.sh)', 'sshd: fork: Resource temporarily unavailable'],
    snapshot: { top_cpu: [processRow(50, 'incrond'), child(7001), child(7002)] },
  };
  const answered = await answer(told);
  assert.match(answered.root_cause, /incrond \(pid 50\) starts sync-labels\.sh.*900 per second/);
  assert.equal(commandsOf(answered), ['systemctl stop incrond.service']);
  const alone = causes({ ...told, lines: ['sshd: fork: Resource temporarily unavailable'] })[0];
  assert.match(alone?.sentence ?? '', /sync-labels\.sh \(pid 700\d\) starts itself/);
});

const FULL = { path: '/var/lib/docker', type: 'ext4', total: 100 * MIB, used: 96 * MIB };

test("a container's own layer that grows is not pruned away", async () => {
  const told: Told = {
    signal: 'disk.space',
    metric: 'disk.used_percent[/var/lib/docker]',
    value: 96,
    snapshot: {
      mounts: [FULL],
      top_mem: [processRow(321, 'python3', { cmd: said('python3 /app/recorder.py') })],
      facts: { 'open.1': said('pid 321: open for writing: /app/debug.log, 20 GiB, overlay') },
    },
  };
  const answered = await answer(told);
  assert.match(answered.root_cause, /recorder\.py \(pid 321\).*\/app\/debug\.log.*writable layer/);
  assert.equal(commandsOf(answered), ['docker ps --all --size', 'docker system df']);
  assert.ok(answered.needs_human);
  const images = await answer({ ...told, snapshot: { mounts: [FULL] } });
  assert.ok(commandsOf(images).includes('docker image prune -f'));
});

test('a full destination that lines name is why files pile up elsewhere', () => {
  const mount = (path: string, used: number) => ({ path, type: 'ext4', total: 100 * MIB, used: used * MIB });
  const told: Told = {
    signal: 'disk.space',
    metric: 'disk.used_percent[/var/spool/queue]',
    value: 93,
    lines: ["shipper: unable to write '/mnt/nas/day/part.7': No space left on device"],
    snapshot: { mounts: [mount('/var/spool/queue', 93), mount('/mnt/nas', 100)] },
  };
  const [first] = causes(told);
  assert.is(first?.id, 'full-destination');
  assert.match(first?.sentence ?? '', /\/mnt\/nas is full \(100 %\).*pile up on \/var\/spool\/queue/);
  const own = { ...told, lines: ["shipper: write '/var/spool/queue/7' failed: No space left on device"] };
  assert.not.ok(causes(own).some(({ id }) => id === 'full-destination'));
});

test('a firewall rule that logs every packet floods the log, and no writer of logs is restarted for it', async () => {
  const packet = (port: number) =>
    `kernel: fwd-new IN=lan0 OUT=wan0 MAC=00:11 SRC=192.0.2.4 DST=198.51.100.7 LEN=60 PROTO=TCP SPT=${port} DPT=443`;
  const told: Told = {
    signal: 'disk.space',
    metric: 'disk.used_percent[/var/log]',
    value: 97,
    lines: [packet(40_001), packet(40_002), 'rsyslogd: imuxsock lost 17 messages due to rate-limiting'],
    snapshot: { mounts: [{ path: '/var/log', type: 'ext4', total: 100 * MIB, used: 97 * MIB }] },
  };
  const answered = await answer(told);
  assert.match(answered.root_cause, /firewall rule.*logs packets without a limit.*\/var\/log is full/);
  assert.equal(commandsOf(answered), ['nft -a list ruleset', 'journalctl --vacuum-size=200M']);
  assert.ok(answered.needs_human);
  const one = causes({ ...told, lines: [packet(40_001)] });
  assert.not.ok(
    one.some(({ id }) => id === 'packet-log'),
    'one packet that was logged is no flood',
  );
});

test('files are swept by their ending alone only from scratch space', async () => {
  for (const path of [
    '/',
    '/srv',
    '/srv/cad',
    '/home/lab',
    '/data',
    '/data/lab',
    '/mnt/archive',
    '/var/lib/app',
    '/opt/app',
    '/etc/x/tmp',
    '/usr/tmp',
  ])
    assert.not.ok(maySweep('mount', path, false), path);
  for (const path of ['/tmp', '/var/tmp', '/srv/export', '/scratch', '/data/uploads', '/dev/shm/job'])
    assert.is(maySweep('mount', path, false), path !== '/dev/shm/job', path);
  assert.ok(maySweep('folder', '/srv/app/out', false), 'its owner gave it a quota');
  assert.not.ok(maySweep('folder', '/home', true));
  assert.not.ok(maySweep('mount', '/var/log', true));
  const told: Told = {
    signal: 'disk.space',
    metric: 'disk.used_percent[/srv/shares]',
    value: 99,
    snapshot: { mounts: [{ path: '/srv/shares', type: 'ext4', total: 100 * MIB, used: 99 * MIB }] },
  };
  const { commands, needs_human } = await answer(told);
  assert.ok(needs_human);
  assert.ok(commands.every(({ command }) => /^(?:df|du) /.test(command)));
});

test('an alternative says what in the evidence speaks for it', async () => {
  const { alternatives } = await answer({ signal: 'host.cpu', metric: 'cpu.percent', value: 97 });
  assert.not.ok(
    alternatives.some((one) => /^[a-z]+(?: [a-z]+){0,3}$/.test(one)),
    alternatives.join(', '),
  );
});

test('more memory than usual is not yet too little', () => {
  const pair = [processRow(5, 'alpha', { rss: 60 * MIB }), processRow(6, 'beta', { rss: 50 * MIB })];
  const used = (value: number) =>
    causes({
      signal: 'host.tasks',
      metric: 'process.count',
      also: [{ signal: 'host.memory', metric: 'memory.used_percent', value, reason: 'memory' }],
      snapshot: { top_mem: pair },
    });
  assert.not.ok(used(60).some(({ class: of }) => of === 'memory-pressure'));
  assert.ok(used(95).some(({ class: of }) => of === 'memory-pressure'));
});
test.run();
