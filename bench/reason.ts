import { type ChildProcess, fork } from 'node:child_process';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { connectPacket, publishPacket, RawReader } from '../test/broker/mqtt-bytes.ts';
import { IngestAgent } from './ingest-agent.ts';
import type { ReasonAnswer } from './reason-hub.ts';
import { type Emit, percentile } from './row.ts';

/** What plans may cost a hub that takes telemetry all the while. */
const AIM = { planP95: 500, lagP99: 30, slowdown: 10, rss: 64, load: 200 } as const;
const AGENTS = 100;
/** Of each agent, in milliseconds: together a thousand a second, what two thousand hosts send that sample every two. */
const EVERY_MS = 100;
const ROUND_MS = 6_000;
/** Of each kind, in turns; the first of each warms. */
const ROUNDS = 5;
const HUB = fileURLToPath(new URL('./reason-hub.js', import.meta.url));

/**
 * Plans of the shipped model and the rules, one after another, while a thousand messages a second are verified, stored and
 * acknowledged; and the same telemetry with nobody thinking, in turns. Ingest counts by what was acknowledged in the time.
 */
export async function reasonBench(emit: Emit): Promise<boolean> {
  const child = fork(HUB, [String(AGENTS)]);
  const { port, loadMs, addedRssMib } = await heard(child, 'ready');
  const senders = await Promise.all(Array.from({ length: AGENTS }, (_, i) => Sender.open(port, new IngestAgent(i))));
  const plans: number[] = [];
  const lags: number[] = [];
  const acked = { plan: [] as number[], rest: [] as number[] };
  const waits = { plan: [] as number[], rest: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    process.stderr.write(`\rround ${round} of ${ROUNDS - 1} `);
    for (const kind of ['rest', 'plan'] as const) {
      child.send(kind);
      const said = await Promise.all(senders.map((sender) => sender.send(ROUND_MS)));
      child.send('round');
      const { plansMs, lagP99Ms } = await heard(child, 'round');
      if (round === 0) continue;
      acked[kind].push(said.reduce((sum, { count }) => sum + count, 0) / (ROUND_MS / 1_000));
      waits[kind].push(
        percentile(
          said.flatMap(({ waitsMs }) => waitsMs),
          0.95,
        ),
      );
      if (kind === 'plan') {
        plans.push(...plansMs);
        lags.push(lagP99Ms);
      }
    }
  }
  process.stderr.write('\n');
  for (const sender of senders) sender.close();
  child.send('end');
  const row = (metric: string, value: number, unit: string) => emit({ bench: 'reason', metric, value, unit });
  const [resting, planning] = [percentile(acked.rest, 0.5), percentile(acked.plan, 0.5)];
  const found = {
    planP95: percentile(plans, 0.95),
    lagP99: Math.max(...lags),
    slowdown: Math.max(0, (1 - planning / resting) * 100),
    rss: addedRssMib,
    load: loadMs,
  };
  row('plan_p95_ms', found.planP95, 'ms');
  row('loop_lag_p99_ms', found.lagP99, 'ms');
  emit({
    ...{ bench: 'reason', metric: 'ingest_slowdown_percent', value: found.slowdown, unit: '%' },
    ...{ baseline: 'the same telemetry without plans', ratio: planning / resting },
  });
  row('added_rss_mib', found.rss, 'MiB');
  row('load_ms', found.load, 'ms');
  row('plans', plans.length, 'plans');
  row('acknowledged_per_s', planning, 'messages/s');
  row('ack_p95_ms', percentile(waits.plan, 0.5), 'ms');
  row('ack_p95_resting_ms', percentile(waits.rest, 0.5), 'ms');
  return Object.entries(AIM).every(([name, most]) => found[name as keyof typeof AIM] <= most);
}

function heard<K extends ReasonAnswer['kind']>(
  child: ChildProcess,
  kind: K,
): Promise<Extract<ReasonAnswer, { kind: K }>> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the hub ended with ${code}`));
    child.once('exit', ended);
    child.once('message', (answer: ReasonAnswer) => {
      child.off('exit', ended);
      if (answer.kind === kind) resolve(answer as Extract<ReasonAnswer, { kind: K }>);
      else reject(new Error(`the hub said ${answer.kind}`));
    });
  });
}

/** One agent's connection: a message each `EVERY_MS`, whether or not the one before was acknowledged. */
class Sender {
  readonly #write: (packet: Buffer) => void;
  readonly #end: () => void;
  readonly #agent: IngestAgent;
  readonly #sent = new Map<number, number>();
  #id = 0;
  #waits: number[] = [];

  static open(port: number, agent: IngestAgent): Promise<Sender> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(connectPacket(agent.name, `${agent.name}-secret`)));
      const sender = new Sender(
        agent,
        (packet) => void socket.write(packet),
        () => void socket.destroy(),
      );
      const reader = new RawReader(({ type, body }) => {
        if (type >> 4 === 2) resolve(sender);
        else if (type >> 4 === 4) sender.#acknowledged(body.readUInt16BE(0));
      });
      socket.on('data', (chunk) => reader.read(chunk));
      socket.once('error', reject);
    });
  }

  private constructor(agent: IngestAgent, write: (packet: Buffer) => void, end: () => void) {
    this.#agent = agent;
    this.#write = write;
    this.#end = end;
  }

  /** Sends for so long; answers what was acknowledged in that time, and after how long each. */
  async send(ms: number): Promise<{ readonly count: number; readonly waitsMs: readonly number[] }> {
    this.#waits = [];
    const topic = `s/1/${this.#agent.name}/m`;
    const timer = setInterval(() => {
      for (const frame of this.#agent.frames(1)) {
        this.#id = (this.#id % 65_535) + 1;
        this.#sent.set(this.#id, performance.now());
        this.#write(publishPacket(topic, frame, { id: this.#id }));
      }
    }, EVERY_MS);
    await new Promise((resolve) => setTimeout(resolve, ms));
    clearInterval(timer);
    return { count: this.#waits.length, waitsMs: this.#waits };
  }

  close(): void {
    this.#end();
  }

  #acknowledged(id: number): void {
    const at = this.#sent.get(id);
    this.#sent.delete(id);
    if (at !== undefined) this.#waits.push(performance.now() - at);
  }
}
