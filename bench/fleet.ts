import { type ChildProcess, fork, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeLocalSite, secretHash } from '../broker/enroll.ts';
import { prepareFolder, stateFolder } from '../broker/state-folder.ts';
import type { Tool } from '../broker/tools.ts';
import { Store } from '../hub/store/store.ts';
import { connectPacket, RawReader, readPublish, subscribePacket } from '../test/broker/mqtt-bytes.ts';
import { FRONT_DOOR } from '../test/e2e/site.ts';
import { readCost } from './agent/process-cost.ts';
import type { FromAgents, Identity, ToAgents } from './fleet-agents.ts';
import { type Emit, percentile } from './row.ts';

const AGENTS_FILE = fileURLToPath(new URL('./fleet-agents.js', import.meta.url));
/** Processes of clients: one would be its own bottleneck. */
const PROCESSES = 2;
/** Descriptors that a process of clients needs beside one for each connection. */
const SPARE_FILES = 200;
const HEALTH_MS = 11_000;

/**
 * A whole hub (`sentinel hub`, broker and pipeline and all) with many agents connected, each reporting as often as a
 * real one does. The agents are bytes by hand in processes of their own, with real logins, births, frames and MACs.
 *   npm run bench -- fleet [--agents 10000] [--interval 30] [--rounds 3]
 * Each agent takes a descriptor in the hub and one in a process of clients: `ulimit -n` must allow for that.
 */
export async function fleetBench(emit: Emit): Promise<boolean> {
  const { values } = parseArgs({
    args: process.argv.slice(3),
    options: {
      agents: { type: 'string', default: '10000' },
      interval: { type: 'string', default: '30' },
      rounds: { type: 'string', default: '3' },
    },
  });
  const [wanted, intervalS, rounds] = [Number(values.agents), Number(values.interval), Number(values.rounds)];
  const files = openFiles();
  if (wanted + SPARE_FILES > files) {
    console.error(`fleet: ${wanted} agents need ulimit -n ${wanted + SPARE_FILES} or more; it is ${files}`);
    return false;
  }
  const dir = mkdtempSync('/var/tmp/sentinel-fleet-');
  const fleets = await Promise.all(
    Array.from({ length: PROCESSES }, (_, i) => Fleet.open(`fleet-${i}`, Math.ceil(wanted / PROCESSES))),
  );
  let hub: ChildProcess | null = null;
  try {
    const state = await makeSite(
      dir,
      fleets.flatMap(({ identities }) => identities),
    );
    const started = await startHub(dir);
    hub = started.hub;
    const pid = hub.pid ?? 0;
    const row = (metric: string, value: number, unit: string) => emit({ bench: 'fleet', metric, value, unit });
    const lags = await watchLag(started.port);
    const alone = readCost(pid);
    const connecting = performance.now();
    await Promise.all(fleets.map((fleet) => fleet.greet(started.port)));
    const agents = fleets.reduce((sum, { identities }) => sum + identities.length, 0);
    const there = readCost(pid);
    row('agents', agents, 'agents');
    row('greeting', (performance.now() - connecting) / 1_000, 's');
    row('cpu_ms_per_greeting', (there.cpuNs - alone.cpuNs) / 1e6 / agents, 'ms');
    lags.length = 0;
    const before = readCost(pid);
    const reporting = performance.now();
    const reports = await Promise.all(fleets.map((fleet) => fleet.report(intervalS * 1_000, rounds)));
    const seconds = (performance.now() - reporting) / 1_000;
    const after = readCost(pid);
    await new Promise((resolve) => setTimeout(resolve, HEALTH_MS));
    const store = new Store(state, 'read');
    const stored = store.samples.getCount();
    await store.close();
    const sum = (of: (report: (typeof reports)[number]) => number) =>
      reports.reduce((total, one) => total + of(one), 0);
    const acknowledged = sum((one) => one.acknowledged);
    const cpuS = (after.cpuNs - before.cpuNs) / 1e9;
    row('rss_alone', alone.rssKib / 1_024, 'MiB');
    row('rss', after.rssKib / 1_024, 'MiB');
    row('messages_per_s', sum(({ sent }) => sent) / seconds, '1/s');
    row('cpu', (cpuS / seconds) * 100, '% of a core');
    row('cpu_us_per_message', (cpuS * 1e6) / sum(({ sent }) => sent), 'us');
    row('loop_lag_p99_ms', Math.max(...lags), 'ms');
    row(
      'puback_p50_ms',
      percentile(
        reports.flatMap(({ waits }) => waits),
        0.5,
      ),
      'ms',
    );
    row(
      'puback_p99_ms',
      percentile(
        reports.flatMap(({ waits }) => waits),
        0.99,
      ),
      'ms',
    );
    row(
      'signed_acks',
      sum(({ acks }) => acks),
      'messages',
    );
    row(
      'cut',
      sum(({ cut }) => cut),
      'connections',
    );
    row('unacknowledged', sum(({ sent }) => sent) - acknowledged, 'messages');
    row('lost', acknowledged - stored, 'messages');
    return stored === acknowledged && acknowledged === agents * rounds && sum(({ cut }) => cut) === 0;
  } finally {
    for (const fleet of fleets) fleet.close();
    hub?.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  }
}

const openFiles = (): number =>
  Number(/^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 1_024);

/** One process of agents. */
class Fleet {
  readonly identities: readonly Identity[];
  private readonly child: ChildProcess;

  static async open(prefix: string, count: number): Promise<Fleet> {
    const child = fork(AGENTS_FILE, [prefix, String(count)]);
    const { identities } = await heard(child, 'identities');
    return new Fleet(child, identities);
  }

  private constructor(child: ChildProcess, identities: readonly Identity[]) {
    this.child = child;
    this.identities = identities;
  }

  greet(port: number): Promise<unknown> {
    return this.ask({ kind: 'greet', port }, 'greeted');
  }

  report(intervalMs: number, rounds: number): Promise<Extract<FromAgents, { kind: 'reported' }>> {
    return this.ask({ kind: 'report', intervalMs, rounds }, 'reported');
  }

  close(): void {
    this.child.kill('SIGKILL');
  }

  private ask<K extends FromAgents['kind']>(what: ToAgents, kind: K): Promise<Extract<FromAgents, { kind: K }>> {
    const answer = heard(this.child, kind);
    this.child.send(what);
    return answer;
  }
}

function heard<K extends FromAgents['kind']>(child: ChildProcess, kind: K): Promise<Extract<FromAgents, { kind: K }>> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the agents ended with ${code}`)));
    child.once('message', (answer: FromAgents) => {
      if (answer.kind === kind) resolve(answer as Extract<FromAgents, { kind: K }>);
      else reject(new Error(`the agents said ${answer.kind}`));
    });
  });
}

/** A site of this host's kind, on which all of them are enrolled, and a tool that may read `$SYS`. */
async function makeSite(dir: string, identities: readonly Identity[]): Promise<string> {
  const state = stateFolder(dir);
  prepareFolder(state);
  makeLocalSite(state, 'this-host');
  const site = JSON.parse(readFileSync(state.site, 'utf8')) as { readonly agents: readonly Identity[] };
  writeFileSync(state.site, JSON.stringify({ ...site, agents: [...site.agents, ...identities] }));
  const tool: Tool = {
    name: 'bench',
    secret_sha256: Buffer.from(secretHash('bench-secret')).toString('hex'),
    evidence: false,
    sys: true,
    since: 0,
    by: 'bench',
  };
  const store = new Store(state.store, 'write');
  await store.write(() => void store.meta.put('tools', [tool]));
  await store.close();
  return state.store;
}

function startHub(dir: string): Promise<{ readonly hub: ChildProcess; readonly port: number }> {
  return new Promise((resolve, reject) => {
    const hub = spawn(process.execPath, [FRONT_DOOR, 'hub', '--state', dir, '--port', '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    hub.stdout.on('data', (chunk) => {
      output = `${output}${chunk}`.slice(-4_096);
      const [, port] = /ready address=\S+:(\d+)/.exec(output) ?? [];
      if (port !== undefined) resolve({ hub, port: Number(port) });
    });
    hub.once('exit', (code) => reject(new Error(`the hub ended with ${code}: ${output}`)));
  });
}

/** How late the broker's loop was, as the hub says it every ten seconds. */
function watchLag(port: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const lags: number[] = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(connectPacket('bench', 'bench-secret')));
    const reader = new RawReader((packet) => {
      if (packet.type >> 4 === 2) socket.write(subscribePacket('$SYS/broker/sentinel/loop_lag_p99_ms', 0));
      else if (packet.type >> 4 === 9) resolve(lags);
      else if (packet.type >> 4 === 3) lags.push(Number(readPublish(packet).payload.toString()));
    });
    socket.on('data', (chunk) => reader.read(chunk));
    socket.once('error', reject);
  });
}
