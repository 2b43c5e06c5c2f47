import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PROBE_IDS } from '../../broker/probe-catalogue.ts';
import { hasCommand, needsPackages, ROOT_PATH } from './debian.ts';

const RUN = fileURLToPath(new URL('./egress-run.js', import.meta.url));
const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));
/**
 * A way out that leads nowhere, so that what tries it is not told at once that there is none; and a file system on which
 * nothing can be written but temporary files, since every family of commands is run here. The checkout stays in sight
 * where it lies below one of those folders itself.
 */
const NAMESPACE = `
set -e
mount --make-rprivate /
mount --bind "$CHECKOUT" "$OUT/checkout"
mount --bind "$OUT/tmp" /tmp
mount --rbind "$OUT" /var/tmp
mkdir -p "$CHECKOUT"
mount --bind /var/tmp/checkout "$CHECKOUT"
mount -t tmpfs tmpfs /run
mount -o remount,bind,ro /
mount -t proc proc /proc
ip link set lo up
ip route add default dev lo
ip -6 route add default dev lo || true
exec strace -f -qq --seccomp-bpf -s 0 -e trace=connect,sendto,sendmsg,sendmmsg -e signal=none -o /var/tmp/calls "$@"
`;

interface Watched {
  readonly code: number;
  readonly output: string;
  /** Every address outside this machine that something tried to reach. */
  readonly reached: readonly string[];
}

/** Runs a program in a network of its own, with every process below it watched by the kernel calls that reach others. */
async function watched(...argv: string[]): Promise<Watched> {
  const out = mkdtempSync('/var/tmp/sentinel-egress-');
  mkdirSync(join(out, 'tmp'), { mode: 0o1777 });
  mkdirSync(join(out, 'checkout'));
  try {
    const flags = ['--net', '--mount', '--pid', '--fork', '--kill-child'];
    const child = spawn('unshare', [...flags, 'sh', '-c', NAMESPACE, 'sh', ...argv], {
      env: { ...process.env, PATH: ROOT_PATH, OUT: out, CHECKOUT, CI: 'false' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
    const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? -1)));
    return { code, output, reached: outsideIn(readFileSync(join(out, 'calls'), 'utf8')) };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** strace gives up where a process that stops is ended in the same moment; what it saw until then counts all the same. */
const GAVE_UP = /^strace: ptrace\(PTRACE_LISTEN/m;
const TRIES = 4;
/** It gives up more often the more is run under it: the families are watched in so many parts, and a part alone again. */
const PARTS = 10;

async function watchedToTheEnd(...argv: string[]): Promise<Watched> {
  for (let n = 1; ; n++) {
    const run = await watched(...argv);
    if (run.code === 0 || n === TRIES || !GAVE_UP.test(run.output) || run.reached.length > 0) return run;
  }
}

const ADDRESS = /sa_family=AF_INET6?\b.*?(?:sin6?_addr=inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)")/;
const OWN = /^(?:127\.|::1$|::$|0\.0\.0\.0$|::ffff:127\.)/;

function outsideIn(calls: string): readonly string[] {
  return calls.split('\n').flatMap((line) => {
    const [, four, six] = ADDRESS.exec(line) ?? [];
    const address = four ?? six;
    return address === undefined || OWN.test(address) ? [] : [line.slice(0, 200)];
  });
}

const egress = suite('zero egress');
egress.before(() =>
  needsPackages(['strace', 'iproute2', 'util-linux'], () => ['strace', 'ip', 'unshare'].every(hasCommand)),
);

egress(
  'what reaches out is seen: a connection, a question to a name server, a datagram, over both protocols',
  async () => {
    const script = `
    const net = require('net'), dgram = require('dgram');
    net.connect(80, '198.51.100.7').on('error', () => {});
    net.connect(80, '2001:db8:1::7').on('error', () => {});
    dgram.createSocket('udp4').send('x', 53, '198.51.100.8');
    setTimeout(() => process.exit(7), 2000);`;
    const { code, output, reached } = await watched(process.execPath, '-e', script);
    assert.is(code, 7, output);
    for (const address of ['198.51.100.7', '2001:db8:1::7', '198.51.100.8'])
      assert.ok(
        reached.some((line) => line.includes(address)),
        `${address} in ${reached.join('\n')}`,
      );
  },
);

/** What a run says that it did, which must have reached nobody. */
async function unreached(...argv: string[]) {
  const { code, output, reached } = await watchedToTheEnd(process.execPath, '--enable-source-maps', RUN, ...argv);
  assert.is(code, 0, output.slice(-4_000));
  assert.equal(reached, []);
  return JSON.parse(output.trim().split('\n').at(-1) ?? '');
}

egress('hub, agent and screen at work, and every probe, reach nobody outside', async () => {
  const { probes } = await unreached('site');
  assert.equal(probes, [...PROBE_IDS], 'every question was asked');
});

egress('every family of commands that may run alone reaches nobody outside', async () => {
  let all = 0;
  for (let part = 0; part < PARTS; part++) {
    const { families, unknown, ran } = await unreached(String(part), String(PARTS));
    assert.equal(unknown, [], 'every family of the tables was run');
    assert.ok(families >= 1_500, `${families} families`);
    all += ran;
  }
  assert.ok(all >= 40, `of ${all} families a binary is here`);
});

egress.run();
