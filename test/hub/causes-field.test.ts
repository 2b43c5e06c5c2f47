import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { shownCauses } from '../../hub/reason/causes/known.ts';
import { MIB, processRow, said } from './evidence-fixtures.ts';
import { evidenceOf, type Told } from './told-evidence.ts';

/** Causes of services, their certificates and databases, and of what hangs on a bus or a modem. */
const test = suite('causes of services and the field');

const causes = (told: Told) => shownCauses(evidenceOf(told));
const first = (told: Told) => causes(told)[0];
const commandsOf = (told: Told) => first(told)?.commands.map(({ command }) => command) ?? [];

const QUEUE = { signal: 'metric.unusual', metric: 'mqtt.bridge_queue', value: 9_000 };

test('what goes over a modem that hangs is no cause of its own', () => {
  const lines = [
    'mosquitto: bridge central: socket error on client, connection timed out',
    'ModemManager: [modem1] port cdc-wdm0 timed out 7 consecutive times',
  ];
  assert.is(first({ ...QUEUE, lines })?.id, 'modem');
  assert.is(first({ ...QUEUE, lines: lines.slice(0, 1) })?.id, 'mqtt-bridge');
});

test('that a connection is encrypted blames no certificate: what goes wrong with it does', () => {
  const why = (line: string) => first({ ...QUEUE, lines: [`mosquitto: bridge central: ${line}`] })?.sentence ?? '';
  assert.not.match(why('connecting with TLS 1.3, then keepalive timed out'), /certificate/i);
  assert.match(why('OpenSSL error: certificate verify failed'), /TLS connection fails \(certificate\)/);
});

test('a shipper is stuck where it says so of what it sends', () => {
  const told = (line: string): Told => ({
    signal: 'disk.space',
    metric: 'disk.used_percent[/var]',
    value: 96,
    lines: [line],
    snapshot: { top_mem: [processRow(71, 'telegraf'), processRow(72, 'fluent-bit')] },
  });
  const ids = (line: string) => causes(told(line)).map(({ id }) => id);
  assert.ok(ids('fluent-bit: [error] failed to flush chunk, retries exhausted').includes('log-shipper'));
  assert.not.ok(
    ids('telegraf: E! [inputs.http] Error in plugin: connection refused by 10.1.1.9').includes('log-shipper'),
  );
  assert.not.ok(ids('payments: could not connect to db, connection refused').includes('log-shipper'));
});

test('all devices of a bus silent at once: what they share, by two readings; one of them: that one', () => {
  const told: Told = {
    signal: 'metric.unusual',
    metric: 'modbus.timeouts_per_minute[/dev/ttyUSB3]',
    value: 80,
    lines: ['mbusd: tty: response timeout, slave 12', 'mbusd: tty: response timeout, slave 14'],
    snapshot: { top_cpu: [processRow(40, 'mbusd')] },
  };
  const all = first(told);
  assert.is(all?.id, 'fieldbus');
  assert.match(all?.sentence ?? '', /All devices on the bus.*ttyUSB3.*cable, supply, termination/);
  assert.is(all?.or?.length, 2);
  assert.is(all?.person, true);
  assert.match(first({ ...told, lines: told.lines?.slice(0, 1) ?? [] })?.sentence ?? '', /^The field bus.*a device/);
  const hosts = ['10.0.0.7', '192.0.2.9'].map((at) => `poller: modbus timeout, station ${at} gave no answer`);
  assert.match(first({ ...told, lines: hosts })?.sentence ?? '', /^The field bus/);
});

test('a renewed certificate that was not loaded: the server reads it again, nothing is renewed', () => {
  const told: Told = {
    signal: 'certificate.expiry',
    metric: 'certificate.days_left[shop]',
    value: -0.1,
    units: ['haproxy.service', 'certbot.service'],
    lines: [
      'curl: SSL certificate problem: certificate has expired',
      'certbot: Successfully renewed certificate shop',
      "certbot: Hook 'deploy-hook' reported error code 127",
    ],
    snapshot: { facts: { unit: said('haproxy.service', true) } },
  };
  assert.match(first(told)?.sentence ?? '', /haproxy.service still serves the old certificate.*hook.*failed/);
  assert.equal(commandsOf(told), ['systemctl reload haproxy.service']);
  assert.not.match(first({ ...told, lines: told.lines?.slice(0, 1) ?? [] })?.sentence ?? '', /still serves/);
});

test('a dump that locks all tables is named, and asked by the tools of its own database', () => {
  const dump = processRow(512, 'mysqldump', { cmd: said('mysqldump --all-databases --lock-all-tables') });
  const told: Told = {
    signal: 'metric.unusual',
    metric: 'mysql.threads_running',
    value: 260,
    lines: ['shop: Lock wait timeout exceeded; try restarting transaction'],
    snapshot: { top_cpu: [dump, processRow(90, 'mariadbd', { rss: 900 * MIB })] },
  };
  assert.match(first(told)?.sentence ?? '', /mysqldump \(pid 512\) holds on all tables/);
  assert.equal(commandsOf(told), ["mysql -e 'SHOW FULL PROCESSLIST'", 'kill -TERM 512']);
  const without = { ...told, snapshot: { top_cpu: [processRow(90, 'mariadbd')] } };
  assert.is(first(without)?.id, 'lock-queue');
  assert.equal(commandsOf(without), ["mysql -e 'SHOW FULL PROCESSLIST'"]);
});

test('two clients of one id explain the flood in the log that they make', () => {
  const told: Told = {
    signal: 'log.flood',
    metric: 'log.lines_per_minute[mosquitto.service]',
    value: 2_000,
    lines: ['mosquitto: Client pump-9 already connected, closing old connection.'],
    units: ['mosquitto.service'],
  };
  assert.is(first(told)?.id, 'client-clash');
  // One that came back leaves the same line, and fills no disk.
  const disk: Told = {
    signal: 'disk.space',
    metric: 'disk.used_percent[/var]',
    value: 97,
    lines: [...(told.lines ?? []), 'journald: Suppressed 900 messages from app.service'],
    units: ['app.service'],
  };
  assert.is(first(disk)?.id, 'log-flood');
});

const FAILED = { signal: 'unit.failed', metric: 'unit.failed[db.service]', units: ['db.service'] };
const OF_UNIT = { facts: { unit: said('db.service', true) } };

test('the host’s own policy says no: no restart is proposed', () => {
  const denied = 'kernel: audit: type=1400 apparmor="DENIED" operation="open" profile="/usr/sbin/db" name="/data/x"';
  const told: Told = { ...FAILED, lines: ['db: data file must be writable', denied], snapshot: OF_UNIT };
  assert.is(first(told)?.id, 'policy-denial');
  assert.not.ok(commandsOf(told).some((command) => /restart/.test(command)));
  const selinux = 'audit: avc:  denied  { write } for  pid=9 comm="db" name="x"';
  assert.is(first({ ...FAILED, lines: [selinux], snapshot: OF_UNIT })?.id, 'policy-denial');
});

test('credentials that the other side refuses are said by whom they concern', () => {
  const line = 'shipper: failed to connect: 401 Unauthorized: unable to authenticate user';
  const told: Told = {
    signal: 'log.errors',
    metric: 'log.errors[shipper.service]',
    lines: [line],
    units: ['shipper.service'],
  };
  assert.is(first(told)?.id, 'client-credentials');
  assert.not.ok(
    causes({ ...told, lines: [line.replace('shipper:', 'somebody:')] }).some(({ id }) => id === 'client-credentials'),
  );
});

test('what a parser of XML calls an invalid token is no credential', () => {
  const line = 'shipper: xml.etree.ElementTree.ParseError: not well-formed (invalid token): line 1, column 0';
  const told: Told = {
    signal: 'log.errors',
    metric: 'log.errors[shipper.service]',
    units: ['shipper.service'],
    lines: [line],
  };
  const ids = (of: Told) => causes(of).map(({ id }) => id);
  assert.not.ok(ids(told).includes('client-credentials'));
  assert.ok(ids({ ...told, lines: ['shipper: push failed: invalid token'] }).includes('client-credentials'));
});

test('each server behind a proxy is down for a reason of its own', () => {
  const down = (server: string, reason: string, info: string) =>
    `haproxy: Server be_x/${server} is DOWN, reason: ${reason}, info: "${info}", check duration: 1ms.`;
  const lines = [
    down('a1', 'Layer4 connection problem', 'Connection refused'),
    down('a2', 'Layer6 invalid response', 'SSL handshake failure'),
  ];
  const told: Told = { signal: 'metric.unusual', metric: 'haproxy.backend_up[be_x]', value: 0, lines };
  assert.match(first(told)?.sentence ?? '', /a1: nothing listens.*a2: its TLS handshake fails/);
  const disk: Told = { signal: 'disk.space', metric: 'disk.used_percent[/var]', value: 97, lines };
  assert.not.ok(causes(disk).some(({ id }) => id === 'backends-down'));
});

test('many failed logins from one address are somebody who guesses', () => {
  const fail = (name: string) => `dovecot: auth failed, method=PLAIN, user=<${name}>, rip=198.51.100.7, lip=10.0.0.2`;
  const told: Told = {
    signal: 'metric.unusual',
    metric: 'auth.failures_per_minute',
    value: 300,
    lines: [fail('a'), fail('b')],
    units: ['dovecot.service'],
  };
  assert.match(first(told)?.sentence ?? '', /guessed from one address, 198\.51\.100\.7/);
});

test.run();
