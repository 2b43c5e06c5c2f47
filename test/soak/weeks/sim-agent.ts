import { randomBytes } from 'node:crypto';
import { Detector } from '../../../agent/detect/detector.ts';
import type { Finding } from '../../../agent/detect/finding.ts';
import { isProbeMessage } from '../../../agent/probe/prober.ts';
import { Trust } from '../../../agent/trust.ts';
import { decodeCbor, encodeCbor } from '../../../broker/cbor.ts';
import { newKeyPair } from '../../../broker/keys.ts';
import type { Inbound } from '../../../broker/mesh.ts';
import {
  type Ack,
  ack as ackShape,
  type Birth,
  type Order,
  order as orderShape,
  type Result,
} from '../../../broker/messages.ts';
import { open, seal } from '../../../broker/signed.ts';
import { type AgentChannel, agentTopic, hubTopic } from '../../../broker/topics.ts';
import { FrameWriter } from '../../broker/frame-writer.ts';
import * as samples from '../../broker/samples.ts';
import { type Fault, METRICS, readingsAt } from './agent-load.ts';
import { Membership } from './membership.ts';

const SPOOL = '/srv/spool';
const SCHEMA = 1;
/** Frames in one publish, and so between two looks of the simulation. */
export const BATCH = 10;

/** What an agent said in one start, to be held against what the hub has. */
export interface Start {
  readonly boot: string;
  /** Frames that were taken, those that were lost among them. */
  frames: number;
  /** Frames that no disk took and no hub will see: from and to. */
  readonly lost: [number, number][];
  /** Events and results. */
  messages: number;
  /** Up to where the hub's signature covers them. */
  framesAcknowledged: number;
  messagesAcknowledged: number;
}

/**
 * An agent whose host is made up and whose time is simulated. Detector, trust, births, frames with their MACs, events, results
 * and certificates are those of a real one; what the hub says is believed only as a real one would.
 */
export class SimAgent {
  readonly name: string;
  readonly key = newKeyPair();
  readonly membership: Membership;
  readonly faults = new Set<Fault>();
  readonly starts: Start[] = [];
  /** What the detector said while nothing was wrong with the host, and in all. */
  readonly said = { anomalies: 0, unfounded: 0 };
  /** By how much this host's clock is ahead. */
  ahead = 0;
  /** What was heard from the hub and no agent should ever hear. */
  readonly wrong: string[] = [];
  /** Whether its host runs; while it does not, nothing is heard. */
  isUp = false;
  private readonly trust: Trust;
  private readonly noise: () => number;
  private detector = new Detector();
  private writer: FrameWriter | null = null;
  private births = 0;
  private hubTime = 0;
  private waiting: { readonly channel: AgentChannel; readonly payload: Uint8Array }[] = [];
  private readonly carried = new Set<string>();

  constructor(
    name: string,
    {
      folder,
      root,
      noise,
      steady,
      wall,
    }: {
      readonly folder: string;
      readonly root: Uint8Array;
      readonly noise: () => number;
      readonly steady: () => number;
      readonly wall: () => number;
    },
  ) {
    this.name = name;
    this.trust = new Trust(folder, root, steady, () => wall() + this.ahead);
    this.noise = noise;
    this.membership = new Membership(name, this.key);
  }

  get start(): Start {
    const last = this.starts.at(-1);
    if (last === undefined) throw new Error(`${this.name} was never started`);
    return last;
  }

  /** The host starts: a new boot, of which nothing is known to the hub. What was learned lies on its disk. */
  boot(): void {
    const boot = randomBytes(8).toString('hex');
    this.starts.push({ boot, frames: 0, lost: [], messages: 0, framesAcknowledged: 0, messagesAcknowledged: 0 });
    this.writer = new FrameWriter({ boot, secretHash: this.membership.mac, batch: BATCH });
    this.detector = new Detector(undefined, { saved: this.detector.save() });
    this.births = 0;
    this.isUp = true;
  }

  /** What it says to a hub that it has just reached. */
  greet(now: number): readonly Inbound[] {
    this.writer?.restart();
    const { boot } = this.start;
    const birth: Birth = {
      ...samples.birth,
      agent: this.name,
      boot,
      key: this.key.public,
      schema: SCHEMA,
      metrics: METRICS,
      inventory: { ...samples.birth.inventory, folders: [SPOOL] },
      ring: { oldest: 0, newest: this.start.messages, dropped: 0 },
      count: ++this.births,
      now: now + this.ahead,
    };
    return [this.inbound('b', seal('birth', encodeCbor(birth), this.key)), this.state('online', now)];
  }

  /** Its own word, or (dead) the broker's for a connection that has ended. */
  state(state: 'online' | 'dead', now: number): Inbound {
    return this.inbound('st', encodeCbor({ boot: this.start.boot, state, ts: now + this.ahead }));
  }

  /** Takes one sample; `isLost`: no disk takes it, and the hub will see that it is missing. */
  sample(now: number, isLost = false): readonly Inbound[] {
    const readings = readingsAt(now, this.faults, this.noise);
    const ts = now + this.ahead;
    for (const finding of this.detector.feed(ts, readings)) this.event(finding, ts);
    const { start } = this;
    start.frames++;
    if (isLost) {
      const last = start.lost.at(-1);
      if (last !== undefined && last[1] === start.frames - 1) last[1] = start.frames;
      else start.lost.push([start.frames, start.frames]);
      this.writer?.skip();
      return [];
    }
    const sensed = { schema: SCHEMA, ts, values: readings.map(({ value }) => value) };
    return (this.writer?.add(sensed, METRICS) ?? []).map((payload) => this.inbound('m', payload));
  }

  /** What waits for its batch to fill, and the messages that were not carried yet. */
  rest(): readonly Inbound[] {
    const frames = (this.writer?.flush() ?? []).map((payload) => this.inbound('m', payload));
    return [...frames, ...this.messages()];
  }

  messages(): readonly Inbound[] {
    const all = this.waiting.map(({ channel, payload }) => this.inbound(channel, payload));
    this.waiting = [];
    return all;
  }

  /** What the hub publishes, on any topic. Never throws. */
  hear(topic: string, payload: Uint8Array): void {
    try {
      if (topic === hubTopic('site')) this.trust.learnRoster(payload);
      else if (topic === hubTopic('ckpt')) this.trust.learnCheckpoint(payload);
      else if (topic === agentTopic(this.name, 'ack')) this.takeAck(payload);
      else if (topic === agentTopic(this.name, 'c') && !isProbeMessage(payload)) this.takeOrder(payload);
    } catch (error) {
      this.wrong.push(`${this.name}: ${topic}: ${String(error)}`);
    }
  }

  private takeAck(payload: Uint8Array): void {
    const said: Ack = ackShape(decodeCbor(open('ack', payload, this.trust.roster.hub_key)), '');
    this.trust.learnAck(said);
    if (said.now < this.hubTime)
      this.wrong.push(`${this.name}: the hub's time went back by ${this.hubTime - said.now} ms`);
    this.hubTime = said.now;
    const start = this.starts.find(({ boot }) => boot === said.boot);
    if (start === undefined) return;
    start.framesAcknowledged = Math.max(start.framesAcknowledged, said.frames ?? 0);
    start.messagesAcknowledged = Math.max(start.messagesAcknowledged, said.through);
  }

  /** Carried out at once, and once: it frees the spool. */
  private takeOrder(payload: Uint8Array): void {
    const order: Order = orderShape(decodeCbor(open('order', payload, this.trust.roster.hub_key)), '');
    this.trust.witness(order.audit_head);
    if (order.boot !== this.start.boot || this.carried.has(order.id)) return;
    this.carried.add(order.id);
    this.faults.delete('folder');
    const at = this.trust.now(0);
    order.programs.forEach(({ phase, number }, i) => {
      const result: Result = {
        agent: this.name,
        boot: order.boot,
        seq: ++this.start.messages,
        incident: order.incident,
        order: order.id,
        approval: samples.ULID_A,
        step: { phase, number },
        state: 'done',
        exit: 0,
        started: at,
        ended: at,
        stdout: '',
        stderr: '',
        truncated: false,
        last: i === order.programs.length - 1,
      };
      this.waiting.push({ channel: 'r', payload: seal('result', encodeCbor(result), this.key) });
    });
  }

  private event(finding: Finding, ts: number): void {
    if (finding.kind === 'anomaly') {
      this.said.anomalies++;
      if (this.faults.size === 0) this.said.unfounded++;
    }
    const fact = { text: SPOOL, trusted: true };
    const snapshot = {
      top_cpu: [],
      top_mem: [],
      top_fds: [],
      mounts: [],
      unit_lines: [],
      log_templates: [],
      changes: [],
      facts: { folder: fact },
    };
    const event = {
      agent: this.name,
      boot: this.start.boot,
      seq: ++this.start.messages,
      ts,
      ...finding,
      ...(finding.kind === 'anomaly' ? { snapshot } : {}),
    };
    this.waiting.push({ channel: 'e', payload: seal('event', encodeCbor(event), this.key) });
  }

  private inbound(channel: AgentChannel, payload: Uint8Array): Inbound {
    return { agent: this.name, channel, payload };
  }
}
