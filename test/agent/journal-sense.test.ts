import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Detector } from '../../agent/detect/detector.ts';
import { parseEntry } from '../../agent/sense/journal/entry.ts';
import { HostEvents } from '../../agent/sense/journal/host-events.ts';
import { JournalSense } from '../../agent/sense/journal/journal.ts';
import { kernelEvent } from '../../agent/sense/journal/kernel-events.ts';
import { findJournal, JournalReader } from '../../agent/sense/journal/reader.ts';
import { parseSyslogLine } from '../../agent/sense/journal/syslog.ts';
import { Lines, MAX_LINE } from '../../agent/sense/logs/lines.ts';
import type { Reading } from '../../agent/sense/sense.ts';

const NOW = 1_795_686_561_255;
const value = (readings: readonly Reading[], name: string): number | null | undefined =>
  readings.find((reading) => reading.name === name)?.value;

/** An entry as journalctl 252 prints it. */
const entry = (fields: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ __CURSOR: 's=1;i=2', __REALTIME_TIMESTAMP: `${NOW}000`, PRIORITY: '6', ...fields });
const kernel = (message: string): string =>
  entry({ _TRANSPORT: 'kernel', SYSLOG_FACILITY: '0', SYSLOG_IDENTIFIER: 'kernel', MESSAGE: message });
const manager = (unit: string, id: string, message = ''): string =>
  entry({
    _PID: '1',
    _TRANSPORT: 'journal',
    _SYSTEMD_UNIT: 'init.scope',
    UNIT: unit,
    MESSAGE_ID: id,
    MESSAGE: message,
  });
const parsed = (line: string) => {
  const found = parseEntry(line);
  assert.ok(found !== null, line);
  return found;
};

const lines = suite('lines of a stream');

lines('are the same however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 40 })), fc.array(fc.nat(60), { maxLength: 30 }), (texts, cuts) => {
      const clean = texts.map((text) => text.replaceAll('\n', ''));
      const bytes = Buffer.from(clean.map((text) => `${text}\n`).join(''));
      const reader = new Lines();
      const out: string[] = [];
      let from = 0;
      for (const cut of [...cuts, bytes.length]) {
        reader.feed(bytes.subarray(from, from + cut), (line) => out.push(line.toString()));
        from += cut;
      }
      reader.feed(bytes.subarray(Math.min(from, bytes.length)), (line) => out.push(line.toString()));
      assert.equal(out, clean);
      assert.is(reader.take().length, 0);
    }),
  );
});

lines('one without an end is dropped, counted, and costs no memory; the next one is whole', () => {
  const reader = new Lines();
  const out: string[] = [];
  const each = (line: Buffer): void => void out.push(line.toString());
  for (let i = 0; i < 50; i++) reader.feed(Buffer.alloc(MAX_LINE / 8, 0x61), each);
  assert.is(reader.take().length, 0);
  for (let i = 0; i < 50; i++) reader.feed(Buffer.alloc(MAX_LINE / 8, 0x61), each);
  reader.feed(Buffer.from('\nnext\n'), each);
  assert.equal(out, ['next']);
  assert.is(reader.tooLong, 1);
});
lines.run();

const entries = suite('entries of the journal');

entries('anything at all is an entry or null, and bounded', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.jsonValue().map((v) => entry({ MESSAGE: v, _SYSTEMD_UNIT: v })),
      ),
      (line) => {
        const found = parseEntry(line);
        if (found === null) return;
        assert.ok(found.message.length <= 1_024 && found.unit.length <= 128);
        assert.ok(found.priority >= 0 && found.priority <= 7);
      },
    ),
  );
});

entries('a message that is no text comes as bytes, one that was too long as nothing', () => {
  assert.is(parsed(entry({ MESSAGE: [104, 105, 255] })).message, 'hi\ufffd');
  assert.is(parsed(entry({ MESSAGE: null })).message, '');
  assert.is(parsed(entry({ MESSAGE: ['first', 'second'] })).message, 'first');
});

entries('who wrote it is what journald saw, not what it says', () => {
  assert.is(parsed(kernel('x')).from, 'kernel');
  // logger --id=1 -t kernel; a program that writes to /dev/kmsg gets facility 1.
  assert.is(parsed(entry({ SYSLOG_IDENTIFIER: 'kernel', SYSLOG_PID: '1', _PID: '77' })).from, 'program');
  assert.is(parsed(entry({ _TRANSPORT: 'kernel', SYSLOG_FACILITY: '1', _PID: '1' })).from, 'program');
  assert.is(parsed(manager('a.service', '')).unit, 'a.service');
  assert.is(parsed(entry({ UNIT: 'a.service', _PID: '9', _SYSTEMD_UNIT: 'evil.service' })).unit, 'evil.service');
});
entries.run();

const kernels = suite('events of the kernel');

/** As Linux prints them (6.18 in a namespace here, the others from its source). */
const KNOWN: readonly (readonly [string, string, string])[] = [
  ['oom_kills', 'tail', 'Memory cgroup out of memory: Killed process 20024 (tail) total-vm:23144kB, anon-rss:20224kB'],
  ['oom_kills', 'my (odd) app', 'Out of memory: Killed process 7 (my (odd) app) total-vm:1kB'],
  ['disk_errors', 'sda', 'I/O error, dev sda, sector 2048 op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 2'],
  ['disk_errors', 'sdb1', 'Buffer I/O error on dev sdb1, logical block 0, async page read'],
  ['disk_errors', 'nvme0n1', 'critical medium error, dev nvme0n1, sector 8 op 0x0:(READ)'],
  [
    'disk_errors',
    'sda1',
    'EXT4-fs error (device sda1): ext4_find_entry:1463: inode #2: comm ls: reading directory lblock 0',
  ],
  ['disk_errors', 'ata1.00', 'ata1.00: failed command: READ FPDMA QUEUED'],
  ['readonly_remounts', 'sda1', 'EXT4-fs (sda1): Remounting filesystem read-only'],
  ['readonly_remounts', 'dm-0', 'XFS (dm-0): Filesystem has been shut down due to log error (0x2).'],
  ['link_downs', 'eth0', 'e1000e 0000:00:1f.6 eth0: NIC Link is Down'],
  ['link_downs', 'enp2s0', 'r8169 0000:02:00.0 enp2s0: Link is Down'],
  ['hung_tasks', 'jbd2/sda1-8', 'INFO: task jbd2/sda1-8:312 blocked for more than 120 seconds.'],
  ['hung_tasks', 'node', 'watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [node:4242]'],
  ['hardware_errors', 'cpu', 'mce: [Hardware Error]: Machine check events logged'],
  ['hardware_errors', 'memory', 'EDAC MC0: 1 CE memory read error on CPU_SrcID#0_MC#0_Chan#1_DIMM#0'],
  ['crashes', 'python3', 'python3[1234]: segfault at 0 ip 000055d4 sp 00007ffd error 4 in python3.11[400000+1000]'],
  ['crashes', 'node', 'traps: node[99] general protection fault ip:7f sp:7f error:0 in libc.so.6[7f]'],
  ['bugs', 'kernel', 'BUG: unable to handle page fault for address: ffffffffc0000000'],
  ['tables_full', 'conntrack', 'nf_conntrack: nf_conntrack: table full, dropping packet'],
];

kernels('known messages say what happened to whom', () => {
  for (const [kind, subject, message] of KNOWN) assert.equal(kernelEvent(message), { kind, subject }, message);
});

kernels('ordinary messages say nothing', () => {
  for (const message of [
    'EXT4-fs (sda1): mounted filesystem 1b2 r/w with ordered data mode. Quota mode: none.',
    'e1000e 0000:00:1f.6 eth0: NIC Link is Up 1000 Mbps Full Duplex',
    'oom_reaper: reaped process 20024 (tail), now anon-rss:0kB',
    'audit: type=1400 audit(1): apparmor="STATUS"',
    'Out of memory? no',
  ])
    assert.is(kernelEvent(message), null, message);
});

kernels('no message makes it slow', () => {
  const parts = [
    'Out of memory',
    ': Killed process ',
    '1 (',
    'XFS (a): ',
    'Link is Down',
    'a'.repeat(300),
    ' ',
    'AER: ',
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts), { maxLength: 300 }), (words) => {
      // A pattern that could blow up would not end within the file's limit.
      kernelEvent(words.join('').slice(0, 1_024));
    }),
    { numRuns: 500 },
  );
});
kernels.run();

const events = suite('events of the host');
const make = () => new HostEvents(() => NOW);

events('an OOM kill is one critical finding that names its victim, and it recovers', () => {
  const host = make();
  const detector = new Detector();
  host.hear(parsed(kernel('Out of memory: Killed process 4711 (historiand) total-vm:1kB')), 0);
  const findings = detector.feed(NOW, host.readings(1));
  assert.is(findings.length, 1);
  assert.is(findings[0]?.signal, 'kernel.oom');
  assert.is(findings[0]?.severity, 'critical');
  assert.is(findings[0]?.metric, 'kernel.oom_kills[historiand]');
  assert.match(findings[0]?.reason ?? '', /kills of historiand for want of memory: 1/i);
  const later = Array.from({ length: 8 }, (_, i) => {
    const at = 700_000 + i * 30_000;
    return detector.feed(NOW + at, host.readings(at));
  }).flat();
  assert.equal(
    later.map(({ kind }) => kind),
    ['recovery'],
  );
  assert.equal(host.readings(2_000_000), [], 'a quiet host has no metric of it');
});

events('a loop of restarts is found by its fifth, a single restart is none', () => {
  const host = make();
  const detector = new Detector();
  const restart = parsed(manager('web.service', '5eb03494b6584870a536b337290809b3'));
  host.hear(restart, 0);
  assert.equal(detector.feed(NOW, host.readings(0)), []);
  assert.ok(host.unitsChanged);
  for (let i = 1; i < 5; i++) host.hear(restart, i * 1_000);
  const [finding] = detector.feed(NOW + 5_000, host.readings(5_000));
  assert.is(finding?.signal, 'unit.restarts');
  assert.is(finding?.metric, 'unit.restarts[web.service]');
});

events('a program that says what systemd or the kernel says is not believed', () => {
  const host = make();
  host.hear(
    parsed(
      entry({ MESSAGE: 'Out of memory: Killed process 1 (x) total-vm:1kB', _PID: '9', SYSLOG_IDENTIFIER: 'kernel' }),
    ),
    0,
  );
  host.hear(parsed(entry({ MESSAGE_ID: '5eb03494b6584870a536b337290809b3', UNIT: 'a.service', _PID: '9' })), 0);
  assert.equal(host.readings(1), []);
});

events('a storm of subjects stays a bounded number of metrics, with labels of plain characters', () => {
  const host = make();
  for (let i = 0; i < 1_000; i++)
    host.hear(parsed(kernel(`Out of memory: Killed process ${i} (a]b\u0007${i}) total-vm:1kB`)), i);
  const readings = host.readings(1_000);
  assert.ok(readings.length <= 25, `${readings.length}`);
  for (const { name } of readings) assert.match(name, /^kernel\.oom_kills\[[\w./:@+-]+\]$/);
  const total = readings.reduce((sum, reading) => sum + (reading.value ?? 0), 0);
  assert.is(total, 1_000, 'none is lost from the count');
});

events('keeps the last lines of a unit in bounded memory, without secrets', () => {
  const host = make();
  for (let i = 0; i < 200; i++)
    host.hear(parsed(entry({ _SYSTEMD_UNIT: 'web.service', _PID: '5', MESSAGE: `line ${i}` })), i);
  host.hear(parsed(entry({ _SYSTEMD_UNIT: 'web.service', _PID: '5', MESSAGE: 'login password=hunter2 ok' })), 300);
  const last = host.last('web.service', 3);
  assert.equal(
    last.map(({ text }) => text),
    ['line 198', 'line 199', 'login password=[redacted] ok'],
  );
  for (let i = 0; i < 500; i++)
    host.hear(parsed(entry({ _SYSTEMD_UNIT: `u${i}.service`, _PID: '5', MESSAGE: 'x' })), 400);
  assert.equal(host.last('web.service'), [], 'the unit least heard of made room');
});
events.run();

const reading = suite('journalctl that follows');

/** A process that writes as journalctl does: it prints the lines, and stays. */
const script = (program: string): string[] => [process.execPath, '-e', program];
const until = async (done: () => boolean): Promise<void> => {
  for (let left = 2_000; !done(); left--) {
    assert.ok(left > 0, 'it never came');
    await sleep(10);
  }
};

reading('hears what is written, remembers the cursor, and ends with it', async () => {
  const heard: string[] = [];
  const line = entry({ MESSAGE: 'good morning', __CURSOR: 's=9;i=a' });
  const reader = new JournalReader({
    ...{ cursor: null, clock: () => performance.now(), onEntry: ({ message }) => void heard.push(message) },
    command: script(`console.log('no json'); console.log(${JSON.stringify(line)}); setInterval(() => {}, 1e6)`),
  });
  reader.start();
  await until(() => heard.length === 1);
  assert.equal(heard, ['good morning']);
  assert.is(reader.cursor, 's=9;i=a');
  assert.is(reader.malformed, 1);
  const { pid } = reader;
  reader.stop();
  await until(() => !alive(pid ?? 0));
});

reading('starts again when it ends', async () => {
  const reader = new JournalReader({
    ...{ cursor: null, clock: () => performance.now(), onEntry: () => {} },
    command: script('process.exit(1)'),
  });
  reader.start();
  await until(() => reader.starts === 2);
  reader.stop();
});

reading('looks into a part of a flood, counts the rest, and hears the kernel through it', async () => {
  const heard = new Map<string, number>();
  const reader = new JournalReader({
    // The clock stands still: all of it is one second.
    ...{ cursor: null, clock: () => 0 },
    onEntry: ({ from }) => void heard.set(from, (heard.get(from) ?? 0) + 1),
    command: script(`
      const noise = ${JSON.stringify(entry({ MESSAGE: 'noise', _PID: '7', _TRANSPORT: 'stdout' }))} + '\\n';
      const oom = ${JSON.stringify(kernel('Out of memory: Killed process 1 (x) total-vm:1kB'))} + '\\n';
      process.stdout.write(noise.repeat(30000) + oom);
      setInterval(() => {}, 1e6)`),
  });
  reader.start();
  await until(() => reader.seen === 30_001);
  assert.is(heard.get('kernel'), 1);
  assert.is(heard.get('program'), 2_000);
  assert.is(reader.skipped, 28_000);
  reader.stop();
});

reading('a sense begins at its saved cursor, and is silent where there is no log at all', async () => {
  const state = mkdtempSync(join(tmpdir(), 'sentinel-journal-'));
  const options = { state, monotonic: () => performance.now(), ignored: () => [], wall: () => NOW };
  const command = script(`console.log(${JSON.stringify(kernel('EXT4-fs (sda1): Remounting filesystem read-only'))});
    setInterval(() => {}, 1e6)`);
  const sense = new JournalSense({ ...options, command });
  sense.sample(0);
  await until(() => sense.lastLines('kernel').length === 1);
  const readings = sense.sample(60_000);
  assert.is(value(readings, 'kernel.readonly_remounts[sda1]'), 1);
  assert.is(value(readings, 'journal.lines_per_minute'), 1);
  sense.close();
  const again = new JournalSense({ ...options, command });
  again.sample(0);
  assert.is(again.reader?.cursor, 's=1;i=2');
  again.close();
  const none = new JournalSense({ ...options, state: undefined, root: '/nonexistent' });
  assert.is(none.sample(0).filter(({ name }) => !name.startsWith('unit.')).length, 0);
  none.close();
  rmSync(state, { recursive: true });
});

reading('a journal that is closed to us is none', () => {
  const root = mkdtempSync(join(tmpdir(), 'sentinel-root-'));
  assert.is(findJournal(root), null);
  mkdirSync(join(root, 'run/log/journal/0123'), { recursive: true });
  assert.is(findJournal(root), null, 'a folder alone');
  writeFileSync(join(root, 'run/log/journal/0123/system.journal'), '');
  assert.is(findJournal(root), join(root, 'run/log/journal'));
  rmSync(root, { recursive: true });
});
reading.run();

const files = suite('syslog files');

files('lines of both forms are read; others are none', () => {
  const old = parseSyslogLine(
    'Nov 26 09:49:21 plc-gw kernel: [  748.501] EXT4-fs (sda1): Remounting filesystem read-only',
    NOW,
  );
  assert.equal([old?.from, old?.message], ['kernel', 'EXT4-fs (sda1): Remounting filesystem read-only']);
  const iso = parseSyslogLine(
    "2026-11-26T09:49:21.123456+00:00 h systemd[1]: web.service: Failed with result 'exit-code'.",
    NOW,
  );
  assert.equal([iso?.from, iso?.unit, iso?.messageId], ['manager', 'web.service', 'd9b373ed55a64feb8242e02dbe79a49c']);
  assert.is(parseSyslogLine('Nov 26 09:49:21 h sshd[9]: error: kex', NOW)?.priority, 3);
  assert.is(parseSyslogLine('not a syslog line', NOW), null);
  fc.assert(fc.property(fc.string(), (line) => void parseSyslogLine(line, NOW)));
});

files('are followed where there is no journal, from their end at first and from where it stopped later', () => {
  const root = mkdtempSync(join(tmpdir(), 'sentinel-root-'));
  const state = mkdtempSync(join(tmpdir(), 'sentinel-state-'));
  mkdirSync(join(root, 'var/log'), { recursive: true });
  const log = join(root, 'var/log/syslog');
  const killed = (name: string): string =>
    `Nov 26 09:49:21 h kernel: Out of memory: Killed process 7 (${name}) total-vm:1kB\n`;
  writeFileSync(log, killed('past'));
  const options = { state, root, monotonic: () => performance.now(), ignored: () => [], wall: () => NOW };
  const kills = (readings: readonly Reading[]) =>
    readings.filter(({ name }) => name.startsWith('kernel.oom_kills')).map(({ name }) => name);
  const sense = new JournalSense(options);
  assert.equal(kills(sense.sample(0)), []);
  writeFileSync(log, killed('now'), { flag: 'a' });
  assert.equal(kills(sense.sample(30_000)), ['kernel.oom_kills[now]']);
  sense.close();
  writeFileSync(log, killed('meanwhile'), { flag: 'a' });
  const again = new JournalSense(options);
  assert.equal(kills(again.sample(0)), ['kernel.oom_kills[meanwhile]']);
  again.close();
  rmSync(root, { recursive: true });
  rmSync(state, { recursive: true });
});
files.run();

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
