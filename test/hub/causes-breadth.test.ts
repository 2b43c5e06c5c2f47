import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { shownCauses } from '../../hub/reason/causes/known.ts';
import { RulesReasoner } from '../../hub/reason/rules.ts';
import { builtIn, MIB, NOW, processRow, said } from './evidence-fixtures.ts';
import { evidenceOf, type Told } from './told-evidence.ts';

/** The same faults, as other software says them. */
const test = suite('the same faults in the words of other software');
const rules = new RulesReasoner({ playbooks: builtIn.playbooks, tried: () => [], clock: () => 0 });

const causes = (told: Told) => shownCauses(evidenceOf(told));
const answer = (told: Told) => rules.diagnose(evidenceOf(told), new AbortController().signal);
const FAILED: Told = {
  signal: 'unit.failed',
  metric: 'unit.failed[app.service]',
  units: ['app.service'],
  snapshot: { facts: { unit: said('app.service', true) } },
};
const LOGGED: Told = { signal: 'log.errors', metric: 'log.errors[shop.service]', units: ['shop.service'] };
const FULL: Told = {
  signal: 'disk.space',
  metric: 'disk.used_percent[/var/lib/docker]',
  value: 96,
  snapshot: { mounts: [{ path: '/var/lib/docker', type: 'ext4', total: 100 * MIB, used: 96 * MIB }] },
};

/** What programs and kernels say on a good day, and what it must not be taken for. */
const ORDINARY: readonly (readonly [line: string, id: string])[] = [
  ['junit: test_threads PASSED: resource temporarily unavailable, retry read; thread 4', 'threads'],
  ['kernel: NMI watchdog: Enabled. hard lockup detector uses PMU', 'lockup'],
  ['kernel: RCU CPU stall warnings enabled, detected 4 cpus', 'lockup'],
  ['kernel: MCE: In-kernel machine check exception decoding enabled.', 'hardware'],
  ['kernel: EDAC sbridge: Seeking for: PCI ID (UE, CE capable)', 'hardware'],
  ['kernel: eth0: IPv6 duplicate address detection started', 'duplicate-address'],
  ['dhclient: statistics: DHCPDECLINE count 0', 'duplicate-address'],
  ['kea-dhcp4: DHCP4_LEASES_RECLAIMED reclaimed 3 expired leases', 'dhcp-lease'],
  ['podman: container settings: memory.max, cpu.max', 'cgroup-limit'],
  ['nginx: exited worker after 20 requests, 137 ms', 'cgroup-limit'],
  ['app: array index degraded gracefully', 'raid-degraded'],
  ['puppet: catalog unchanged', 'frozen-sensor'],
];
test('what is said on a good day names no fault', () => {
  for (const [line, id] of ORDINARY)
    for (const told of [FAILED, { signal: 'host.cpu', metric: 'cpu.percent', value: 97 }, LOGGED]) {
      const found = causes({ ...told, lines: [line] }).map((one) => one.id);
      assert.not.ok(found.includes(id), `${line}: ${found.join()}`);
    }
});

test('kernels and arrays that do say it are heard', () => {
  const heard: Readonly<Record<string, string>> = {
    'kernel: NMI watchdog: Watchdog detected hard LOCKUP on cpu 3': 'lockup',
    'kernel: rcu: INFO: rcu_sched self-detected stall on CPU': 'lockup',
    'kernel: rcu: INFO: rcu_preempt detected stalls on CPUs/tasks: { 2 }': 'lockup',
    'kernel: EDAC MC0: 1 CE memory read error on CPU_SrcID#0': 'hardware',
    'kernel: mce: [Hardware Error]: Machine check events logged': 'hardware',
    'dnsmasq-dhcp: DHCPDECLINE(eth0) 10.4.4.7 02:11:22:33:44:55': 'duplicate-address',
    'systemd-networkd: eth0: DHCP lease expired': 'dhcp-lease',
    'podman: container app exited with code 137': 'cgroup-limit',
    'kernel: md/raid1:md0: array is degraded': 'raid-degraded',
  };
  for (const [line, id] of Object.entries(heard)) {
    const found = causes({ ...LOGGED, lines: [line] }).map((one) => one.id);
    assert.ok(found.includes(id), `${line}: ${found.join()}`);
  }
});

test('a unit is started anew for want of threads only where it said so itself', () => {
  const line = "junit: RuntimeError: can't start new thread";
  const own = "app: RuntimeError: can't start new thread";
  const commands = (text: string) =>
    causes({ ...FAILED, lines: [text] })
      .find(({ id }) => id === 'threads')
      ?.commands.map(({ command }) => command)
      .join() ?? '';
  assert.match(commands(own), /systemctl restart app\.service/);
  assert.not.match(commands(line), /restart/);
});

/** Each: what the alert is, a line, and the cause that must come first. */
const LINES: readonly (readonly [told: Told, line: string, id: string, words: RegExp])[] = [
  [FAILED, 'systemd: app.service: Main process exited, code=exited, status=203/EXEC', 'setup', /can not be executed/],
  [FAILED, 'systemd: app.service: Main process exited, code=exited, status=217/USER', 'setup', /user that it runs as/],
  [FAILED, 'app: exec format error', 'architecture', /another architecture/],
  [FAILED, 'kubelet: Failed to pull image "reg.lan/app:7": manifest unknown', 'image-pull', /image can not be pulled/],
  [FAILED, 'app: license has expired, shutting down', 'license', /license/],
  [FAILED, 'kernel: traps: app[9] trap invalid opcode ip:7f', 'illegal-instruction', /newer processor/],
  [FAILED, 'app: java.lang.OutOfMemoryError: unable to create native thread', 'threads', /threads or processes/],
  [FAILED, 'app: dial tcp 10.2.0.9:5432: connect: connection refused', 'dependency', /10\.2\.0\.9:5432/],
  [
    { signal: 'disk.read_only', metric: 'disk.read_only[/srv]' },
    'kernel: XFS (sdb1): Metadata corruption detected at xfs_agf_read_verify; shutting down filesystem',
    'read-only',
    /structure is damaged/,
  ],
  [
    { signal: 'disk.slow', metric: 'disk.await_ms[dm-3]', value: 900 },
    'kernel: device-mapper: thin: 253:4: switching pool to out-of-data-space (queue IO) mode',
    'thin-pool',
    /thin pool.*is full/,
  ],
  [
    FULL,
    'du: 61G /var/lib/docker/containers/0a1b2c3d4e5f6071/0a1b2c3d4e5f6071-json.log',
    'container-log',
    /log of a container/,
  ],
  [
    FULL,
    'report: recorder lab/recorder:2.1 48.2GB (virtual 49.9GB)',
    'container-layer',
    /recorder.*own writable layer/,
  ],
  [
    { signal: 'disk.space', metric: 'disk.used_percent[/]', value: 96 },
    'snapper: timeline snapshots keep 180 GiB exclusive',
    'snapshots',
    /Snapshots hold the space of \//,
  ],
  [
    { signal: 'net.errors', metric: 'network.errors_per_s[eth0]', value: 9 },
    'kernel: IPv4: duplicate address 10.4.4.7 detected on eth0',
    'duplicate-address',
    /10\.4\.4\.7/,
  ],
  [
    { signal: 'net.link_down', metric: 'network.carrier[eth0]' },
    'dhclient: No DHCPOFFERS received.',
    'dhcp-lease',
    /gives this host a lease/,
  ],
  [{ signal: 'log.errors', metric: 'log.errors[x]' }, 'node-red: getaddrinfo EAI_AGAIN plc.lan', 'dns', /not resolved/],
  [
    { signal: 'host.blocked', metric: 'process.blocked', value: 9 },
    'kernel: CIFS: VFS: \\\\nas has not responded in 180 seconds. Reconnecting...',
    'hung-storage',
    /CIFS/,
  ],
  [
    { signal: 'log.errors', metric: 'log.errors[pg]' },
    'postgres: WARNING: database "mes" must be vacuumed within 9000000 transactions',
    'wraparound',
    /wraparound/,
  ],
  [{ signal: 'metric.unusual', metric: 'cpu.steal_percent', value: 40 }, 'app: slow', 'steal', /to others/],
  [
    { signal: 'log.errors', metric: 'log.errors[x]' },
    'kernel: watchdog: BUG: soft lockup - CPU#3 stuck for 22s',
    'lockup',
    /stuck in the kernel/,
  ],
  [
    { signal: 'log.errors', metric: 'log.errors[opc]' },
    'opc-gateway: read ns=2;s=L1 failed: BadNoCommunication',
    'fieldbus',
    /field bus/,
  ],
  [
    { signal: 'database.replication_lag', metric: 'database.replication_lag_s', value: 900 },
    "mysqld: Replica SQL: Could not execute Write_rows event; Duplicate entry '7' for key, Error_code: 1062",
    'replication',
    /row that it can not apply/,
  ],
];

for (const [told, line, id, words] of LINES) {
  test(`${id}: ${line.slice(0, 60)}`, () => {
    const [first] = causes({ ...told, lines: [line] });
    assert.is(first?.id, id);
    assert.match(first?.sentence ?? '', words);
    const calm = causes({ ...told, metric: 'x.y', value: 1, lines: ['app: all is well'] });
    assert.not.ok(
      calm.some((one) => one.id === id && told.metric !== 'cpu.steal_percent' && !/lag|read_only/.test(told.metric)),
      'and is silent without the line',
    );
  });
}

test('a replica that two things may hold back: both, and no choice between them', async () => {
  const told: Told = {
    signal: 'database.replication_lag',
    metric: 'database.replication_lag_s',
    value: 1_800,
    also: [
      { signal: 'disk.slow', metric: 'disk.busy_percent[md2]', value: 98, reason: 'md2' },
      { signal: 'network.rx_bytes_per_s', metric: 'network.rx_bytes_per_s[eno3]', value: 11_900_000, reason: 'eno3' },
    ],
    lines: ['kernel: md: data-check of RAID array md2', 'kernel: igb eno3: NIC Link is Up 100 Mbps Full Duplex'],
  };
  const found = await answer(told);
  assert.match(found.root_cause, /its disk md2 is saturated by a check.*or the network link eno3 \(100 Mbit\/s\)/);
  assert.ok(found.needs_human && found.alternatives.length >= 2 && found.confidence < 0.75);
  const only = await answer({ ...told, also: (told.also ?? []).slice(0, 1), lines: (told.lines ?? []).slice(0, 1) });
  assert.not.match(only.root_cause, /either/);
});

test('a link that comes and goes is the wiring or the other side, and what was changed on each is told', async () => {
  const changes = [
    { ts: NOW - 7_200_000, what: said('switch sw-4 firmware 3.1 -> 3.2') },
    { ts: NOW - 9_000_000, what: said('cable of eth7 spliced') },
  ];
  const { alternatives, confidence, needs_human } = await answer({
    signal: 'net.flaps',
    metric: 'network.flaps_per_hour[eth7]',
    value: 20,
    lines: ['kernel: igb eth7: NIC Link is Down', 'kernel: igb eth7: NIC Link is Up 1000 Mbps Full Duplex'],
    snapshot: { changes },
  });
  assert.match(alternatives[0] ?? '', /wiring.*spliced/);
  assert.match(alternatives[1] ?? '', /other side.*firmware/);
  assert.ok(needs_human && confidence <= 0.75);
});

test('a bridge is one of a broker, and one that is refused is started by nobody', async () => {
  const told: Told = {
    signal: 'metric.unusual',
    metric: 'mqtt.queued_messages[10.1.1.1]',
    value: 90_000,
    units: ['mosquitto.service'],
    lines: ['mosquitto: Connecting bridge up (10.1.1.1:8883)', 'mosquitto: Connection Refused: not authorised'],
  };
  const refused = await answer(told);
  assert.match(refused.root_cause, /not authorised/);
  assert.ok(refused.needs_human);
  assert.not.ok(refused.commands.some(({ command }) => /restart/.test(command)));
  const other: Told = { ...FAILED, metric: 'unit.failed[opc-bridge.service]', lines: ['opc-bridge: bridge timed out'] };
  assert.not.ok(causes(other).some(({ id }) => id === 'mqtt-bridge'));
});

test('what was not there yet at a boot is named, with what came up behind it', () => {
  const [found] = causes({
    ...FAILED,
    also: [{ signal: 'host.reboot', metric: 'host.rebooted', value: 1, reason: 'boot' }],
    lines: [
      'app: listen tcp 10.8.0.2:4840: bind: cannot assign requested address',
      'systemd: Failed to start app.service.',
      'wg-quick: [#] ip -4 address add 10.8.0.2/24 dev wg0',
    ],
  });
  assert.is(found?.id, 'boot-order');
  assert.match(found?.sentence ?? '', /address 10\.8\.0\.2:4840.*wg-quick came up only after it/);
});

test('what never came up and said nothing is not started once more, what ran and was killed may be', async () => {
  const lines = [
    'systemd: Starting app.service',
    'systemd: app.service: Main process exited, code=exited, status=2/INVALIDARGUMENT',
    'systemd: Failed to start app.service - The app.',
  ];
  const mute = await answer({ ...FAILED, lines });
  assert.match(mute.root_cause, /exit status 2\/INVALIDARGUMENT.*not shown/);
  assert.ok(mute.needs_human && mute.confidence <= 0.7);
  const killed = await answer({
    ...FAILED,
    lines: ['systemd: app.service: Main process exited, code=killed, status=9/KILL'],
  });
  assert.ok(killed.commands.some(({ command }) => /restart/.test(command)));
});

test('a loop that nobody explains is read before it is stopped', async () => {
  const told: Told = {
    signal: 'container.restarts',
    metric: 'container.restarts_per_hour[label-printer]',
    value: 30,
    also: [{ signal: 'event.container_die', reason: 'label-printer exitCode=1' }],
    lines: ['containerd: level=info msg="shim disconnected" id=1', 'kernel: docker0: port 3 entered disabled state'],
  };
  const silent = await answer(told);
  assert.match(silent.root_cause, /label-printer exits with status 1/);
  assert.ok(silent.needs_human && silent.confidence <= 0.7);
  assert.equal(
    silent.commands.map(({ command }) => command),
    ['docker logs --tail 50 label-printer'],
  );
});

test('a gateway that repeats its last value stands beside the sensor itself', () => {
  const [found] = causes({
    signal: 'metric.unusual',
    metric: 'sensor.unchanged_s[cell2.humidity]',
    value: 20_000,
    lines: ['climate: cell2 humidity 71.2 unchanged since 06:10'],
    snapshot: {
      top_cpu: [processRow(90, 'modbus-gw')],
      changes: [{ ts: NOW - 3_600_000, what: said('package modbus-gw 1.9 -> 2.0') }],
    },
  });
  assert.match(found?.sentence ?? '', /sensor cell2\.humidity is frozen/);
  assert.match(found?.or?.[1] ?? '', /gateway \(modbus-gw\).*1\.9 to 2\.0/);
});

test('many small files are those whose folder the lines name', () => {
  const [found] = causes({
    signal: 'disk.inodes',
    metric: 'disk.inodes_percent[/srv/metrics]',
    value: 100,
    lines: ['carbon: Error creating /srv/metrics/plc/req/8f3a/latency.wsp: No space left on device'],
    snapshot: {
      mounts: [{ path: '/srv/metrics', type: 'ext4', total: 100 * MIB, used: 40 * MIB, inodes: 10, inodes_used: 10 }],
    },
  });
  assert.match(found?.sentence ?? '', /that carbon makes under \/srv\/metrics\/plc\/req/);
});

test('a session of queries that burns the processor is no stuck shipper', async () => {
  const { root_cause } = await answer({
    signal: 'host.cpu',
    metric: 'cpu.percent',
    value: 97,
    units: ['logstash.service', 'filebeat.service'],
    lines: ['logstash: Timeout executing grok against field', 'filebeat: Failed to publish events: i/o timeout'],
    snapshot: {
      top_cpu: [
        processRow(7, 'java', { cpu: 390, cmd: said('java -cp /usr/share/logstash/x.jar org.logstash.Logstash') }),
      ],
    },
  });
  assert.match(root_cause, /regular expression or rule.*Logstash \(pid 7\)/);
});

test('no full folder is laid on whoever holds the memory, because some workload outgrew its own budget', () => {
  const top_mem = [processRow(77, 'python3', { rss: 1_152 * MIB }), processRow(78, 'sh', { rss: 4 * MIB })];
  const budget = { signal: 'group.memory', metric: 'group.memory_mib[own]', value: 106, reason: 'over its budget' };
  const told = { metric: 'folder.used_mib[spool]', value: 2, also: [budget], snapshot: { top_mem } };
  const idsFor = (signal: string) => causes({ ...told, signal }).map(({ id }) => id);
  assert.not.ok(idsFor('folder.space').includes('memory-hog'));
  assert.ok(idsFor('group.memory').includes('memory-hog'));
});

test.run();
