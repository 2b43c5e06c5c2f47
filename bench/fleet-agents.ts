import { connect, type Socket } from 'node:net';
import { encodeCbor } from '../broker/cbor.ts';
import { secretHash } from '../broker/enroll.ts';
import { newKeyPair } from '../broker/keys.ts';
import { seal } from '../broker/signed.ts';
import { agentTopic } from '../broker/topics.ts';
import { FrameWriter } from '../test/broker/frame-writer.ts';
import { connectPacket, publishPacket, RawReader, readPublish, subscribePacket } from '../test/broker/mqtt-bytes.ts';
import * as samples from '../test/broker/samples.ts';
import { METRICS } from './ingest-metrics.ts';

/** Who the agents of this process are: what the hub has to know of them before it starts. */
export interface Identity {
  readonly agent: string;
  readonly key: string;
  readonly secret_sha256: string;
}

export type FromAgents =
  | { readonly kind: 'identities'; readonly identities: readonly Identity[] }
  | { readonly kind: 'greeted' }
  | {
      readonly kind: 'reported';
      readonly sent: number;
      readonly acknowledged: number;
      /** Signed acks of the hub that were heard. */
      readonly acks: number;
      /** Connections that ended. */
      readonly cut: number;
      /** Milliseconds from each publish to its PUBACK. */
      readonly waits: readonly number[];
    };

export type ToAgents =
  | { readonly kind: 'greet'; readonly port: number }
  | { readonly kind: 'report'; readonly intervalMs: number; readonly rounds: number };

/** Agents that are on their way in at once. */
const GREETING = 64;
/** After the last report PUBACKs may take so long. */
const LAST_ACK_MS = 60_000;

/** As cheap as an agent can be: no library, no senses; its login, signed birth, MACs and frames are those of a real one. */
class FleetAgent {
  readonly identity: Identity;
  sent = 0;
  acknowledged = 0;
  acks = 0;
  isCut = false;
  readonly waits: number[] = [];
  private readonly name: string;
  private readonly secret: string;
  private readonly key = newKeyPair();
  private readonly boot = samples.birth.boot;
  private readonly writer: FrameWriter;
  private readonly values = METRICS.map((_, i) => 10 + i);
  private socket: Socket | null = null;
  private saidAt = 0;
  private onAck: () => void = () => {};

  constructor(name: string) {
    this.name = name;
    this.secret = `${name}-secret`;
    const hash = secretHash(this.secret);
    this.writer = new FrameWriter({ boot: this.boot, secretHash: hash });
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
    this.identity = { agent: name, key: hex(this.key.public), secret_sha256: hex(hash) };
  }

  /** Resolves when the hub has its birth on the disk. */
  greet(port: number): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () =>
        socket.write(connectPacket(this.name, this.secret)),
      );
      this.socket = socket;
      const reader = new RawReader((packet) => {
        const kind = packet.type >> 4;
        if (kind === 2) socket.write(this.greeting());
        else if (kind === 4) this.onAck();
        else if (kind === 3) {
          this.acks++;
          const { id } = readPublish(packet);
          if (id > 0) socket.write(Buffer.from([0x40, 2, id >> 8, id & 0xff]));
        }
      });
      this.onAck = () => {
        this.onAck = () => this.heard();
        resolve();
      };
      socket.on('data', (chunk) => reader.read(chunk));
      socket.on('error', () => {});
      socket.once('close', () => {
        this.isCut = true;
        resolve();
      });
    });
  }

  report(): void {
    const { values } = this;
    for (const i of values.keys()) if (Math.random() < 0.33) values[i] = Math.random() * 100;
    const sensed = { schema: samples.birth.schema, ts: Date.now(), values: [...values] };
    for (const payload of this.writer.add(sensed, METRICS)) {
      this.sent++;
      this.saidAt = performance.now();
      this.socket?.write(publishPacket(agentTopic(this.name, 'm'), payload, { id: (this.sent % 65_000) + 1 }));
    }
  }

  private heard(): void {
    this.acknowledged++;
    this.waits.push(Math.round((performance.now() - this.saidAt) * 10) / 10);
  }

  private greeting(): Buffer {
    const birth = { ...samples.birth, agent: this.name, key: this.key.public, metrics: METRICS, now: Date.now() };
    return Buffer.concat([
      subscribePacket(agentTopic(this.name, 'c'), 1, 1),
      subscribePacket(agentTopic(this.name, 'ack'), 1, 2),
      publishPacket(agentTopic(this.name, 'b'), seal('birth', encodeCbor(birth), this.key), {
        id: 65_535,
        retain: true,
      }),
    ]);
  }
}

const [, , prefix = 'agent', count = '0'] = process.argv;
const agents = Array.from({ length: Number(count) }, (_, i) => new FleetAgent(`${prefix}-${i}`));
const say = (message: FromAgents): void => void process.send?.(message);

async function greet(port: number): Promise<void> {
  let next = 0;
  const some = async () => {
    for (let agent = agents[next++]; agent !== undefined; agent = agents[next++]) await agent.greet(port);
  };
  await Promise.all(Array.from({ length: GREETING }, some));
  say({ kind: 'greeted' });
}

/** Each agent reports every interval, all of them spread over it. */
async function report(intervalMs: number, rounds: number): Promise<void> {
  const started = performance.now();
  const total = agents.length * rounds;
  for (let n = 0; n < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - started) / intervalMs) * agents.length) + 1);
    for (; n < due; n++) agents[n % agents.length]?.report();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const sum = (of: (agent: FleetAgent) => number) => agents.reduce((total, agent) => total + of(agent), 0);
  const late = performance.now() + LAST_ACK_MS;
  while (sum(({ acknowledged }) => acknowledged) < total && performance.now() < late) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  say({
    kind: 'reported',
    sent: sum(({ sent }) => sent),
    acknowledged: sum(({ acknowledged }) => acknowledged),
    acks: sum(({ acks }) => acks),
    cut: sum(({ isCut }) => (isCut ? 1 : 0)),
    waits: agents.flatMap(({ waits }) => waits),
  });
}

// Forked: told what to do; imported for its types it does nothing.
if (process.send !== undefined && agents.length > 0) {
  process.on('message', (message: ToAgents) => {
    if (message.kind === 'greet') void greet(message.port);
    else void report(message.intervalMs, message.rounds);
  });
  say({ kind: 'identities', identities: agents.map(({ identity }) => identity) });
}
