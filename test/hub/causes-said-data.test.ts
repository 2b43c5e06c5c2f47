import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { shownCauses } from '../../hub/reason/causes/known.ts';
import { evidenceOf } from './told-evidence.ts';

/** Troubles of stores, brokers and devices of plants, in their own words: other wordings of the same, and what only sounds alike. */
const test = suite('causes by what stores and devices say');

const idsOf = (metric: string, line: string, also: readonly string[] = []): readonly string[] =>
  shownCauses(evidenceOf({ signal: 'metric.unusual', metric, value: 40, lines: [line, ...also] })).map(({ id }) => id);

interface Row {
  readonly id: string;
  readonly metric: string;
  readonly says: readonly string[];
  readonly not: readonly string[];
}

const ROWS: readonly Row[] = [
  {
    id: 'vacuum-held',
    metric: 'postgres.dead_tuples',
    says: [
      'postgres: 90000000 dead row versions cannot be removed yet, oldest xmin: 88',
      'postgres: 12 dead tuples cannot be removed',
      'postgres: WARNING: oldest xmin is far in the past',
    ],
    not: ['postgres: removed 40 dead row versions in 2 pages', 'postgres: automatic vacuum of table shop'],
  },
  {
    id: 'encoding',
    metric: 'app.import_errors_per_minute',
    says: [
      "import: UnicodeDecodeError: 'ascii' codec can't decode byte 0xc3",
      'postgres: ERROR: invalid byte sequence for encoding "UTF8": 0xe4',
      'mysqld: Illegal mix of collations (utf8mb4_bin,IMPLICIT)',
      'ruby: incompatible character encodings: UTF-8 and ASCII-8BIT',
      'perl: warning: cannot set locale',
    ],
    not: ['app: locale de_DE.UTF-8 in use', 'ffmpeg: codec h264 opened', 'app: encoding took 4 s'],
  },
  {
    id: 'logrotate',
    metric: 'disk.used_percent[/var/log]',
    says: [
      'logrotate: error: skipping "/var/log/a.log" because parent directory has insecure permissions',
      'logrotate: error: app:1 duplicate log entry for /var/log/a.log',
      'logrotate: failed to rename /var/log/a.log',
    ],
    not: ['app: rotated /var/log/a.log', 'systemd: Starting logrotate.service'],
  },
  {
    id: 'data-corruption',
    metric: 'database.errors_per_minute',
    says: [
      'postgres: ERROR: invalid page in block 7 of relation base/16384/2619',
      'postgres: ERROR: could not read block 12 in file "base/1/2": read only 0 of 8192 bytes',
      'app: sqlite3.DatabaseError: database disk image is malformed',
      'mysqld: Table ./shop/orders is marked as crashed and should be repaired',
      'mysqld: InnoDB: Database page corruption on disk: page is corrupted',
    ],
    not: ['postgres: checkpoint complete', 'app: block 7 of page 3 rendered', 'mysqld: Table shop/orders analysed'],
  },
  {
    id: 'disk-watermark',
    metric: 'log.errors_per_minute[filebeat]',
    says: [
      'elasticsearch: flood stage disk watermark [95%] exceeded on node-1, all indices will be marked read-only',
      'elasticsearch: high disk watermark [90%] exceeded on node-1',
      'filebeat: index [logs] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)]; read_only_allow_delete',
      'opensearch: blocked by: TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark',
      'elasticsearch: low disk watermark [85%] exceeded, replicas will not be assigned',
    ],
    not: [
      'elasticsearch: heap size 4gb',
      'kernel: watermark boost of zone 1',
      'elasticsearch: cluster health status changed from YELLOW to GREEN',
    ],
  },
  {
    id: 'broker-alarm',
    metric: 'rabbitmq.messages_ready[orders]',
    says: [
      'rabbit: memory resource limit alarm set on node rabbit@mq1',
      'rabbit: disk resource limit alarm set on node rabbit@mq1. Publishers will be blocked until this alarm clears',
      'rabbit: Free disk space is insufficient. Free bytes: 41. Limit: 50',
      'app: connection.blocked received: low on memory',
      'rabbit: vm_memory_high_watermark set. Memory used: 7 allowed: 6',
    ],
    not: [
      'rabbit: memory resource limit alarm cleared',
      'app: publisher confirmed',
      'rabbit: accepting AMQP connection',
    ],
  },
  {
    id: 'register-map',
    metric: 'modbus.errors_per_minute[plc-2]',
    says: [
      'telegraf: modbus: exception 2 (illegal data address), function 3',
      'poller: Modbus Exception: ILLEGAL_DATA_VALUE',
      'gateway: Illegal function from unit 4',
      'opc-client: BadNodeIdUnknown (0x80340000) ns=3;s=Speed',
      's7: DB 41 is not available in the CPU',
    ],
    not: [
      'poller: exception in thread main',
      'telegraf: modbus read 40 registers',
      'gateway: response timeout of unit 4',
    ],
  },
  {
    id: 'plc-stopped',
    metric: 'opcua.value_age_s[plc-2]',
    says: [
      's7: CPU is in STOP',
      'gateway: PLC line 3 in stop mode',
      'opc-client: BadServerHalted',
      's7: operating mode changed: RUN -> STOP',
      'enip: controller 1 faulted',
    ],
    not: ['systemd: Stopped poller.service', 'gateway: PLC line 3 running', 's7: connected to CPU 315'],
  },
  {
    id: 'sensor-fault',
    metric: 'tag.value[tank-1]',
    says: [
      'io: channel 3: wire break',
      'ai-card: open circuit on input 2',
      'gateway: transmitter 7 under-range (3.4 mA)',
      'node-red: sensor disconnected: tank-1',
      'io: NAMUR NE43 fault current on channel 4',
    ],
    not: [
      'node-red: sensor connected: tank-1',
      'app: short circuit evaluation enabled',
      'gateway: range of 4-20 mA configured',
    ].slice(0, 1),
  },
  {
    id: 'serial-gone',
    metric: 'modbus.timeouts_per_minute',
    says: [
      'mbusd: cannot open /dev/ttyUSB0: No such file or directory',
      "poller: could not open port '/dev/ttyACM1': [Errno 2] No such file or directory",
      'telegraf: /dev/ttyUSB0: no such device',
      'node-red: Error: Cannot open /dev/ttyS4',
      'gateway: failed to open serial port /dev/ttyUSB2',
    ],
    not: [
      'mbusd: /dev/ttyUSB0 opened at 19200 8N1',
      'app: /etc/app.conf: No such file or directory',
      'poller: /dev/ttyUSB0: Permission denied',
    ],
  },
  {
    id: 'ups',
    metric: 'power.input_volts',
    says: [
      'upsmon: UPS rack@localhost on battery',
      'apcupsd: Power failure. Running on UPS batteries.',
      'upsd: UPS rack low battery',
      'nut: UPS rack replace battery',
      'apcupsd: UPS battery must be replaced',
    ],
    not: ['apcupsd: communications with UPS restored', 'laptop: battery at 80 %', 'upsd: startup successful'],
  },
  {
    id: 'kernel-module',
    metric: 'vpn.tunnels_up',
    says: [
      'modprobe: FATAL: Module wireguard not found in directory /lib/modules/6.1.0-25-amd64',
      'dkms: Error! Bad return status for module build on kernel: 6.1.0-25',
      'kernel: zfs: disagrees about version of symbol module_layout',
      'modprobe: ERROR: could not insert nvidia: Key was rejected by service',
      'insmod: ERROR: could not insert module can.ko: Invalid module format',
    ],
    not: [
      'kernel: module verification of zfs passed',
      'app: module not found: react',
      'systemd: Finished systemd-modules-load.service',
    ],
  },
];

for (const { id, metric, says, not } of ROWS) {
  test(`${id}: each wording, and nothing that only sounds alike`, () => {
    for (const line of says) assert.ok(idsOf(metric, line).includes(id), `missed: ${line}`);
    for (const line of not) assert.not.ok(idsOf(metric, line).includes(id), `taken for it: ${line}`);
  });
}

test.run();
