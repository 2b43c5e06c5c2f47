import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { layoutOf } from '../../agent/changes/sessions.ts';
import { Growth } from '../../agent/growth.ts';
import { ANSWERS } from '../../agent/probe/catalogue.ts';
import { ProbeError, type ProbeHost } from '../../agent/probe/probe.ts';
import { runFixed } from '../../agent/probe/run-fixed.ts';
import { ProcFiles } from '../../agent/sense/proc-files.ts';
import { Sensor } from '../../agent/sense/sensor.ts';
import { Watch } from '../../agent/watch.ts';
import { PROBE_IDS, type ProbeId } from '../../broker/probe-catalogue.ts';
import { testCertificate } from './test-certificate.ts';

interface Context {
  dir: string;
  host: ProbeHost;
}
const test = suite<Context>('probes', { dir: '', host: undefined } as unknown as Context);

const hostOf = async (dir: string, proc: ProcFiles, root = '/'): Promise<ProbeHost> => {
  const sensor = new Sensor({ proc, watch: new Watch(dir), cores: availableParallelism() });
  await sensor.sample();
  return { sensor, growth: new Growth(), root, now: Date.now, signal: new AbortController().signal };
};

test.before(async (context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'sentinel-probes-'));
  writeFileSync(join(context.dir, 'off.yaml'), 'version: 1\nsenses: {journal: off, logs: off}\n');
  context.host = await hostOf(context.dir, new ProcFiles());
});
test.after(({ dir, host }) => {
  host.sensor.close();
  rmSync(dir, { recursive: true });
});

const ask = async (probe: ProbeId, host: ProbeHost, about: { name?: string; pid?: number } = {}): Promise<string> =>
  (await ANSWERS[probe]({ name: '', pid: 0, ...about }, host)).map(({ text }) => text).join('\n');
const codeOf = (act: Promise<unknown>): Promise<string> =>
  act.then(
    () => 'none',
    (error: unknown) => (error instanceof ProbeError ? error.code : String(error)),
  );

test('every question of the catalogue has its answer', () => {
  assert.equal(Object.keys(ANSWERS), [...PROBE_IDS]);
});

test('what this very process has open, and a file that was deleted under it', async ({ host, dir }) => {
  const gone = join(dir, 'gone.dat');
  const fd = openSync(gone, 'w');
  writeSync(fd, Buffer.alloc(3 * 1_048_576, 1));
  assert.match(
    await ask('open_files', host, { pid: process.pid }),
    new RegExp(`^\\d+ descriptors: [^]*1 times ${gone}$`, 'm'),
  );
  unlinkSync(gone);
  assert.match(await ask('deleted_files', host), new RegExp(`^3 MiB by pid ${process.pid}: ${gone}$`, 'm'));
  closeSync(fd);
  assert.not.match(await ask('deleted_files', host), new RegExp(gone));
  assert.is(await codeOf(ask('open_files', host, { pid: 4_194_304 })), 'E_PROBE_CLOSED');
});

test('a process in detail, with those above and below it', async ({ dir }) => {
  const child = spawn(process.execPath, ['-e', 'process.stdout.write("up");setInterval(()=>{},1000)'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const host = await hostOf(dir, new ProcFiles());
  const detail = await ask('process_detail', host, { pid: child.pid ?? 0 });
  assert.match(detail, new RegExp(`^pid ${child.pid} .* parent ${process.pid}$`, 'm'));
  for (const line of [/^State: /m, /^Threads: \d+/m, /^Max open files \d+/m, /^executable \//m])
    assert.match(detail, line);
  const tree = await ask('process_tree', host, { pid: child.pid ?? 0 });
  assert.match(tree, new RegExp(`^above: pid ${process.pid} `, 'm'));
  assert.match(tree, new RegExp(`^itself: pid ${child.pid} `, 'm'));
  assert.match(await ask('process_tree', host, { pid: process.pid }), new RegExp(`^\\. pid ${child.pid} `, 'm'));
  assert.match(await ask('top_processes', host), /^by memory: pid \d+ /m);
  assert.is(await codeOf(ask('process_detail', host, { pid: 4_194_304 })), 'E_PROBE_ABSENT');
  child.kill('SIGKILL');
  host.sensor.close();
});

test('who listens where: this process, on either kind of address', async ({ host }) => {
  for (const [address, shown] of [
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '[::1]'],
  ] as const) {
    const server = createServer();
    const listens = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(0, address, () => resolve(true));
    });
    const bound = server.address();
    // A host may have no IPv6 at all; then there is nothing to see.
    if (!listens || bound === null || typeof bound === 'string') continue;
    const said = await ask('listening_ports', host);
    assert.ok(said.includes(`${shown}:${bound.port} by pid ${process.pid} `), said);
    assert.match(await ask('socket_summary', host), /^tcp listening: \d+$/m);
    await new Promise((resolve) => server.close(resolve));
  }
});

test('storage: mounts with their space, what fills a folder, how busy the disks are', async ({ host, dir }) => {
  const mounts = await ask('mounts', host);
  assert.ok(
    mounts.split('\n').every((line) => /^\/\S* \(.*\)(?:: | is read-only)/.test(line)),
    mounts,
  );
  mkdirSync(join(dir, 'full/logs'), { recursive: true });
  writeFileSync(join(dir, 'full/logs/a.log'), Buffer.alloc(2 * 1_048_576, 1));
  const largest = await ask('largest_folders', host, { name: join(dir, 'full') });
  assert.match(largest, /^2 MiB in 2 entries$/m);
  assert.match(largest, new RegExp(`^folder 2 MiB ${dir}/full/logs$`, 'm'));
  assert.match(largest, new RegExp(`^file 2 MiB, written \\S+Z ${dir}/full/logs/a.log$`, 'm'));

  const proc = join(dir, 'proc');
  mkdirSync(proc);
  const counters = (busy: number) =>
    `   8       0 sda 100 0 2048 50 10 0 2048 ${busy} 0 ${busy} 0\n   7  0 loop0 1 0 1 1 1 1 1 1 1 1 1\ngarbage\n`;
  writeFileSync(join(proc, 'diskstats'), counters(0));
  const fake = await hostOf(dir, new ProcFiles(proc));
  setTimeout(() => writeFileSync(join(proc, 'diskstats'), counters(500)), 100);
  const io = await ask('disk_io', fake);
  assert.match(io, /^sda: busy \d+ %, read 0\.0 MiB\/s, written 0\.0 MiB\/s$/);
  writeFileSync(join(proc, 'diskstats'), '');
  assert.is(await codeOf(ask('disk_io', fake)), 'E_PROBE_ABSENT');
});

test('memory, what changed, who is logged in', async ({ host, dir }) => {
  assert.match(await ask('memory', host), /^MemAvailable: \d+ kB$/m);
  const root = join(dir, 'root');
  mkdirSync(join(root, 'run'), { recursive: true });
  const layout = layoutOf(process.arch);
  const record = Buffer.alloc(layout.size);
  record.writeInt16LE(7, 0);
  record.write('pts/3', 8);
  record.write('op', 44);
  record.write('10.0.0.4', 76);
  writeFileSync(join(root, 'run/utmp'), record);
  assert.match(await ask('sessions', { ...host, root }), /^1 logged in\nop on pts\/3 from 10\.0\.0\.4 since 1970/);
  assert.is(await codeOf(ask('sessions', { ...host, root: join(root, 'nowhere') })), 'E_PROBE_ABSENT');
  mkdirSync(join(root, 'etc'));
  writeFileSync(join(root, 'etc/mes.conf'), 'x');
  assert.match(await ask('recent_changes', { ...host, root }), /Z configuration written: \/etc\/mes\.conf$/m);
});

test('until when certificates are valid, the earliest first; what only looks like one is left out', async ({
  host,
  dir,
}) => {
  const root = join(dir, 'tls');
  const folder = join(root, 'etc/letsencrypt/live/plant.example');
  mkdirSync(folder, { recursive: true });
  mkdirSync(join(root, 'etc/nginx'));
  const now = Date.UTC(2026, 10, 26);
  writeFileSync(join(folder, 'fullchain.pem'), await testCertificate('plant.example', new Date(now + 40 * 86_400_000)));
  writeFileSync(join(root, 'etc/nginx/old.crt'), await testCertificate('old.example', new Date(now - 3 * 86_400_000)));
  writeFileSync(join(root, 'etc/nginx/bad.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  writeFileSync(join(root, 'own.pem'), await testCertificate('own.example', new Date(now + 9 * 86_400_000)));
  writeFileSync(join(dir, 'certificates.yaml'), 'version: 1\ncertificates:\n  - {name: own, glob: /own.*}\n');
  host.sensor.watch.refresh();
  const said = await ask('certificates', { ...host, root, now: () => now });
  assert.match(
    said,
    /^3 certificates found\nexpired 3 days ago, until 2026-11-23: \/etc\/nginx\/old\.crt .*\nvalid for 9 days, .*\/own\.pem .*\nvalid for 40 days, .*plant\.example/,
  );
});

test('logs where there is no journal: a unit’s and the kernel’s lines from the files of syslog, redacted', async ({
  host,
  dir,
}) => {
  const root = join(dir, 'logs');
  mkdirSync(join(root, 'var/log'), { recursive: true });
  const lines = [
    'mes[7]: started',
    'kernel: EXT4-fs error (device sda1)',
    'mes[7]: token=abcdefghij0123456789',
    'mesh[9]: no',
  ];
  writeFileSync(join(root, 'var/log/syslog'), lines.map((line) => `Nov 26 09:12:01 host ${line}\n`).join(''));
  const here = { ...host, root };
  assert.is(
    await ask('unit_log', here, { name: 'mes.service' }),
    'Nov 26 09:12:01 host mes[7]: started\nNov 26 09:12:01 host mes[7]: token=[redacted]',
  );
  assert.is(await ask('kernel_log', here), 'Nov 26 09:12:01 host kernel: EXT4-fs error (device sda1)');
  assert.is(await codeOf(ask('unit_log', here, { name: 'other.service' })), 'E_PROBE_ABSENT');
  assert.is(await codeOf(ask('log_patterns', here)), 'E_PROBE_ABSENT');
});

test('a name is resolved by this host’s own resolver', async ({ host }) => {
  assert.match(await ask('dns_lookup', host, { name: 'localhost' }), /^resolved in \d+ ms\n(?:127\.|::1)/);
  assert.ok(hostname() !== '');
});

test('a tool of the host runs with fixed words, and no longer than its answer is wanted', async () => {
  assert.equal(await runFixed('printf', ['%s\\n', '$(id)', '; ls'], new AbortController().signal), ['$(id)', '; ls']);
  assert.is(await codeOf(runFixed('no-such-tool', [], new AbortController().signal)), 'E_PROBE_ABSENT');
  assert.is(await codeOf(runFixed('../tmp/x', [], new AbortController().signal)), 'E_PROBE_ABSENT');
  const stop = new AbortController();
  const slow = codeOf(runFixed('sleep', ['600'], stop.signal));
  stop.abort();
  assert.is(await slow, 'E_PROBE_FAILED');
  const lines = await runFixed('yes', ['a line that never ends'], new AbortController().signal);
  assert.ok(lines.length > 1_000 && lines.length < 10_000, 'what is beyond the bound is not read');
});

test.run();
