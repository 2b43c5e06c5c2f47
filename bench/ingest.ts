import { type ChildProcess, fork } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { connectPacket, publishPacket, RawReader, subscribePacket } from '../test/broker/mqtt-bytes.ts';
import { IngestAgent } from './ingest-agent.ts';
import type { Answer } from './ingest-server.ts';
import { type Emit, percentile } from './row.ts';

const AGENTS = 100;
/** Messages of one agent that wait for their PUBACK. */
const WINDOW = 8;
const PER_AGENT = 300;
/** Until both have compiled what they do for each message. */
const WARMING = 3;
const ROUNDS = 5;
const AIM = 0.65;
const SERVER = fileURLToPath(new URL('./ingest-server.js', import.meta.url));

/**
 * CPU time for each message: telemetry verified, decoded, stored in LMDB and acknowledged after the commit, against
 * Aedes as it comes with one subscriber (at QoS 0, which is its cheapest), in turns, by the same clients with the same
 * frames. Counted is all CPU time of the broker's process, with every thread of it. Lost is what was acknowledged and
 * is not in the store.
 */
export async function ingestBench(emit: Emit): Promise<boolean> {
  const [bare, ours] = [await open('bare'), await open('ours')];
  const cost = { bare: [] as number[], ours: [] as number[] };
  const writers = Array.from({ length: AGENTS }, (_, i) => new IngestAgent(i));
  let acknowledged = 0;
  for (let round = 1 - WARMING; round <= ROUNDS; round++) {
    process.stderr.write(`\rround ${round} of ${ROUNDS} `);
    const payloads = writers.map((writer) => writer.frames(PER_AGENT));
    const bareMs = await spend(bare, payloads, true);
    const oursMs = await spend(ours, payloads, false);
    acknowledged += AGENTS * PER_AGENT;
    if (round > 0) {
      cost.bare.push((bareMs * 1_000) / (AGENTS * PER_AGENT));
      cost.ours.push((oursMs * 1_000) / (AGENTS * PER_AGENT));
    }
  }
  // Health is said every ten seconds.
  await new Promise((resolve) => setTimeout(resolve, 10_500));
  const { stored, lagP99Ms } = await ask(ours.child, 'stored');
  process.stderr.write('\n');
  bare.child.kill();
  ours.child.send('end');
  const ratios = cost.ours.map((us, i) => us / (cost.bare[i] ?? Number.NaN));
  const ratio = percentile(ratios, 0.5);
  const row = (metric: string, value: number, unit: string) => emit({ bench: 'ingest', metric, value, unit });
  row('bare_aedes_us_per_message', percentile(cost.bare, 0.5), 'us');
  row('us_per_message', percentile(cost.ours, 0.5), 'us');
  emit({
    bench: 'ingest',
    metric: 'cpu_ratio_vs_bare_aedes',
    value: ratio,
    unit: 'ratio',
    baseline: 'aedes 1.2, one subscriber',
    ratio,
  });
  row('loop_lag_p99_ms', lagP99Ms ?? Number.NaN, 'ms');
  row('lost', acknowledged - stored, 'messages');
  return ratio <= AIM && stored === acknowledged;
}

interface Server {
  readonly child: ChildProcess;
  readonly port: number;
}

async function open(kind: 'bare' | 'ours'): Promise<Server> {
  const child = fork(SERVER, [kind, String(AGENTS)]);
  const ready = await heard(child, 'ready');
  return { child, port: ready.port };
}

function heard<K extends Answer['kind']>(child: ChildProcess, kind: K): Promise<Extract<Answer, { kind: K }>> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the broker ended with ${code}`));
    child.once('exit', ended);
    child.once('message', (answer: Answer) => {
      child.off('exit', ended);
      if (answer.kind === kind) resolve(answer as Extract<Answer, { kind: K }>);
      else reject(new Error(`the broker said ${answer.kind}`));
    });
  });
}

function ask<K extends 'spent' | 'stored'>(child: ChildProcess, kind: K): Promise<Extract<Answer, { kind: K }>> {
  const answer = heard(child, kind);
  child.send(kind);
  return answer;
}

/** Publishes all, and answers the CPU milliseconds that it cost the broker's process, connections not counted. */
async function spend(
  { child, port }: Server,
  payloads: readonly (readonly Uint8Array[])[],
  subscribed: boolean,
): Promise<number> {
  const total = payloads.reduce((sum, { length }) => sum + length, 0);
  const subscriber = subscribed ? await subscribe(port) : null;
  const clients = await Promise.all(payloads.map((mine, i) => Publisher.open(port, `agent-${i}`, mine)));
  const before = await ask(child, 'spent');
  await Promise.all(clients.map((client) => client.publish()));
  await subscriber?.until(total);
  const after = await ask(child, 'spent');
  for (const client of clients) client.close();
  subscriber?.close();
  return after.cpuMs - before.cpuMs;
}

class Publisher {
  private readonly socket: Socket;
  private readonly topic: string;
  private readonly payloads: readonly Uint8Array[];
  private next = 0;
  private taken = 0;
  private done: () => void = () => {};

  static open(port: number, name: string, payloads: readonly Uint8Array[]): Promise<Publisher> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(connectPacket(name, `${name}-secret`)));
      const publisher = new Publisher(socket, name, payloads);
      const reader = new RawReader(({ type }) => {
        if (type >> 4 === 2) resolve(publisher);
        else if (type >> 4 === 4) publisher.acknowledged();
      });
      socket.on('data', (chunk) => reader.read(chunk));
      socket.once('error', reject);
    });
  }

  private constructor(socket: Socket, name: string, payloads: readonly Uint8Array[]) {
    this.socket = socket;
    this.topic = `s/1/${name}/m`;
    this.payloads = payloads;
  }

  publish(): Promise<void> {
    for (let i = 0; i < WINDOW; i++) this.say();
    return new Promise((resolve) => {
      this.done = resolve;
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private say(): void {
    const payload = this.payloads[this.next++];
    if (payload !== undefined)
      this.socket.write(publishPacket(this.topic, payload, { id: ((this.next - 1) % 65_535) + 1 }));
  }

  private acknowledged(): void {
    this.say();
    if (++this.taken === this.payloads.length) this.done();
  }
}

function subscribe(port: number): Promise<{ until(count: number): Promise<void>; close(): void }> {
  return new Promise((resolve, reject) => {
    let count = 0;
    let wanted = Number.POSITIVE_INFINITY;
    let reached: () => void = () => {};
    const socket = connect(port, '127.0.0.1', () => socket.write(connectPacket('reader', 'x')));
    const handle = {
      until: (total: number) =>
        new Promise<void>((done) => {
          wanted = total;
          reached = done;
          if (count >= wanted) done();
        }),
      close: () => void socket.destroy(),
    };
    const reader = new RawReader(({ type }) => {
      if (type >> 4 === 2) socket.write(subscribePacket('s/1/+/m', 0));
      else if (type >> 4 === 9) resolve(handle);
      else if (type >> 4 === 3 && ++count >= wanted) reached();
    });
    socket.on('data', (chunk) => reader.read(chunk));
    socket.once('error', reject);
  });
}
