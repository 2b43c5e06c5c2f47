import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { decodeCbor, encodeCbor } from '../broker/cbor.ts';
import type { KeyPair } from '../broker/keys.ts';
import { within } from '../broker/lifetime.ts';
import { Link } from '../broker/link.ts';
import type { Log } from '../broker/log.ts';
import { type Ack, ack as ackShape, hubState as hubStateShape } from '../broker/messages.ts';
import { open, seal } from '../broker/signed.ts';
import { claim, prepareFolder, type StateFolder } from '../broker/state-folder.ts';
import { agentTopic, hubTopic } from '../broker/topics.ts';
import { auditLog } from './audit-log.ts';
import { birthOf, encodeBirth } from './birth.ts';
import { openCages } from './bound/open-cages.ts';
import { capture } from './capture.ts';
import { Detector } from './detect/detector.ts';
import type { Finding } from './detect/finding.ts';
import { NO_HOME } from './environment.ts';
import { ExecLink } from './exec/exec-link.ts';
import { Hands } from './exec/hands.ts';
import type { Hello } from './exec/protocol.ts';
import { Executor } from './execute.ts';
import { Growth } from './growth.ts';
import { HubClock } from './hub-clock.ts';
import { loginOf, readIdentity } from './identity.ts';
import { readInventory } from './inventory.ts';
import { Journal } from './journal.ts';
import { Learned } from './learned.ts';
import { readOrder } from './open-order.ts';
import { isProbeMessage, Prober } from './probe/prober.ts';
import { Renewal } from './renewal.ts';
import { Ring } from './ring/ring.ts';
import { ContainersSense } from './sense/containers/containers.ts';
import { ProcFiles } from './sense/proc-files.ts';
import { Sensor } from './sense/sensor.ts';
import { SiteJudge } from './site-judge.ts';
import { SiteWords } from './site-words.ts';
import { Telemetry } from './telemetry.ts';
import { Trust } from './trust.ts';
import { Voice } from './voice.ts';
import { Watch } from './watch.ts';

/** A judge may be asked about any process that evidence named: more than the birth carries. */
const JUDGED_PROCESSES = 4_096;
/** Orders that wait their turn: a hub gives one plan per host at a time, so more is not a hub of ours. */
const ORDERS_MAX = 16;
/** At the end a command that runs is waited for: killed in the middle, its outcome would be unknown for ever. */
const COMMAND_END_MS = 30_000;
/** A clock that was set by more than this is another clock: samples are placed in time by it. */
const CLOCK_MOVED_MS = 2_000;
/** At the end the last results and the goodbye have so long to leave. */
const LAST_WORDS_MS = 3_000;
/** A hub that has come is greeted after this, up to five times as late: a fleet must not answer in one wave. */
const REGREET_MS = 1_000;

export interface AgentOptions {
  readonly state: StateFolder;
  readonly agent: string;
  readonly url: string;
  readonly live: boolean;
  /** Milliseconds between samples. */
  readonly interval: number;
  /** Samples in one publish: fewer bytes a sample, and later. Events are never held back. */
  readonly batch?: number;
  /** Socket of an executor that may act as root: it carries the orders out, and this process need not be root. */
  readonly exec?: string;
  /** Puts `sudo -n` before what needs root. */
  readonly sudo?: boolean;
  readonly log: Log;
}

/** One host's agent: senses, detects, captures, reports, and runs what was approved. `close` leaves nothing running. */
export class Agent {
  private readonly options: AgentOptions;
  private readonly boot = randomBytes(8).toString('hex');
  private readonly key: KeyPair;
  private readonly trust: Trust;
  private readonly audit: ReturnType<typeof auditLog>;
  private readonly hubClock = new HubClock(Date.now, () => performance.now());
  private readonly journal: Journal;
  private readonly voice: Voice;
  private readonly sensor: Sensor;
  private readonly ring: Ring;
  private readonly telemetry: Telemetry;
  private readonly learned: Learned;
  private readonly detector: Detector;
  private readonly growth = new Growth();
  private readonly hands: Hands;
  private readonly exec: ExecLink | null;
  private readonly handed: Journal;
  private readonly words: SiteWords;
  private readonly prober: Prober;
  private readonly link: Link;
  private readonly renewal: Renewal;
  private readonly release: () => void;
  private timer: NodeJS.Timeout | undefined;
  private bornSchema = 0;
  private births = 0;
  private bornTags: readonly string[] = [];
  private bornContainers = 0;
  private orders: Promise<void> = Promise.resolve();
  private waitingOrders = 0;
  private sampling: Promise<void> = Promise.resolve();
  /** When the hub that is there has started, by its own word. */
  private hubSince = 0;
  private regreeting: NodeJS.Timeout | undefined;
  /** Orders that were refused before they could be answered, by code. */
  readonly refused = new Map<string, number>();

  constructor(options: AgentOptions) {
    const { state, agent, log } = options;
    this.options = options;
    prepareFolder(state);
    this.release = claim(state.agent, 'an agent');
    const self = readIdentity(state, agent);
    this.key = self.key;
    this.trust = new Trust(state.agent, self.root);
    this.audit = auditLog(state.agentAudit, Date.now);
    this.learned = new Learned(state.agent, Date.now);
    this.detector = new Detector(undefined, { saved: this.learned.load() });
    this.journal = new Journal(state.journal);
    this.sensor = new Sensor({
      proc: new ProcFiles(),
      watch: new Watch(state.watch),
      cores: availableParallelism(),
      state: state.agent,
      aheadOfHub: () => this.hubClock.ahead(),
    });
    this.exec = options.exec === undefined ? null : new ExecLink(options.exec);
    this.handed = new Journal(state.handed);
    const own = new Executor({
      agent,
      boot: this.boot,
      live: options.live,
      trust: this.trust,
      journal: this.journal,
      judge: new SiteJudge(state.policy, log),
      inventory: () => readInventory(this.sensor, { processes: JUDGED_PROCESSES }),
      running: { cages: openCages(NO_HOME, false) },
      sudo: options.sudo ?? false,
      now: Date.now,
      audit: this.audit,
    });
    this.hands = new Hands({
      own,
      journal: this.journal,
      handed: this.handed,
      link: this.exec,
      boot: this.boot,
      live: options.live,
      now: Date.now,
      signed: () => this.words.signed,
    });
    this.words = new SiteWords(this.trust, (roster, halt) => {
      this.hands.halt({ roster, halt });
      log.warn('HALTED: nothing is executed until an admin lifts it');
    });
    this.prober = new Prober({
      agent,
      boot: this.boot,
      trust: this.trust,
      host: { sensor: this.sensor, growth: this.growth, root: '/', now: Date.now },
      inventory: () => readInventory(this.sensor),
      // Not kept: a question whose answer is lost is asked again.
      say: (result) =>
        void this.link.publish(agentTopic(agent, 'r'), seal('probe_result', encodeCbor(result), this.key)),
    });
    this.link = new Link({
      url: options.url,
      id: agent,
      login: self.login,
      will: { topic: agentTopic(agent, 'st'), payload: this.stateMessage('dead') },
      topics: [
        ...[agentTopic(agent, 'c'), agentTopic(agent, 'ack')],
        ...(['site', 'st', 'halt', 'ckpt'] as const).map((channel) => hubTopic(channel)),
      ],
    });
    this.ring = new Ring(join(state.agent, 'telemetry.ring'));
    this.telemetry = new Telemetry({
      boot: this.boot,
      ring: this.ring,
      secretHash: self.macSecret,
      batch: options.batch ?? 1,
      publish: (payload) => this.link.publish(agentTopic(agent, 'm'), payload),
    });
    this.voice = new Voice({
      agent,
      boot: this.boot,
      key: this.key,
      folder: state.outbox,
      publish: (channel, payload) => this.link.publish(agentTopic(agent, channel), payload),
      complain: (error) => this.complain(error),
    });
    this.link.on(
      'up',
      () => void this.greet().catch((error: unknown) => log.error('could not greet', { why: String(error) })),
    );
    this.link.on('down', () => {
      this.greeted = false;
      this.voice.shut();
      this.telemetry.shut();
    });
    this.link.on('message', (topic, payload, isRetained) => this.hear(topic, payload, isRetained));
    this.link.on('trouble', (why) => this.complain(new Error(`can't connect to ${options.url}: ${why}`)));
    this.renewal = new Renewal(state, log, (joined) => {
      this.link.renewLogin(agent, loginOf(joined));
      log.info('has a new certificate');
    });
  }

  /** Samples once now, then at every interval. */
  start(): void {
    this.renewal.start();
    const tick = () => {
      this.sampling = this.sample().catch((error: unknown) => {
        this.options.log.error('a sample failed', { why: error instanceof Error ? error.message : String(error) });
      });
      this.timer = setTimeout(() => void this.sampling.then(tick), this.options.interval);
    };
    tick();
  }

  async close(): Promise<void> {
    this.renewal.stop();
    clearTimeout(this.timer);
    clearTimeout(this.regreeting);
    await this.sampling;
    clearTimeout(this.timer);
    this.hands.stop();
    await this.prober.close();
    await within(COMMAND_END_MS, this.orders);
    await within(LAST_WORDS_MS, this.sayGoodbye());
    await this.link.close();
    this.sensor.close();
    this.learned.save(this.detector);
    this.ring.close();
    this.journal.close();
    this.handed.close();
    this.release();
  }

  private async sayGoodbye(): Promise<void> {
    await this.voice.flush();
    await this.telemetry.flush();
    await this.link.publish(agentTopic(this.options.agent, 'st'), this.stateMessage('stopped'), true);
  }

  private async sample(): Promise<void> {
    const sample = await this.sensor.sample();
    const { tags } = this.sensor.watch.declared();
    this.detector.tags = tags;
    const findings = this.detector.feed(sample.ts, sample.readings);
    this.learned.keep(this.detector);
    for (const error of this.sensor.watch.errors()) this.complain(error);
    if (findings.some(({ kind }) => kind === 'anomaly')) this.sensor.lookAgain();
    for (const finding of findings) await this.tell(finding, sample.ts);
    void this.growth.lookAhead(this.sensor.disks.disks());
    const isNew =
      sample.schema !== this.bornSchema ||
      tags !== this.bornTags ||
      this.containers() !== this.bornContainers ||
      this.clockMoved();
    if (isNew && this.bornSchema !== 0 && this.link.connected) await this.sayBirth();
    this.telemetry.say(sample, this.sensor.metrics());
    if (this.ring.trouble !== null) {
      this.complain(new Error(`telemetry waits in memory alone: ${this.ring.trouble.message}`));
    }
  }

  private readonly complaints = new Set<string>();
  private complain({ message }: Error): void {
    if (this.complaints.has(message) || this.complaints.size > 100) return;
    this.complaints.add(message);
    this.options.log.warn(message);
  }

  /** What this host's clock was ahead of its monotonic one when the last birth was said. */
  private bornClock = 0;

  /** The hub reads this agent's times by the clock of its last birth: a clock that was set needs a new one. */
  private clockMoved(): boolean {
    return Math.abs(Date.now() - performance.now() - this.bornClock) > CLOCK_MOVED_MS;
  }

  private greeted = false;

  private async greet(): Promise<void> {
    if (this.sensor.schema() === 0) await this.sensor.sample();
    await this.askExecutor();
    await this.sayBirth();
    await this.link.publish(agentTopic(this.options.agent, 'st'), this.stateMessage('online'), true);
    if (!this.link.connected) return;
    this.greeted = true;
    this.voice.open();
    this.telemetry.restart();
  }

  private can: Pick<Hello, 'live' | 'privileged'> | null = null;

  /** What may be done here is the executor's to say where there is one: live takes both. */
  private async askExecutor(): Promise<void> {
    const { exec, live, sudo, log } = this.options;
    const hello = this.exec === null ? null : await this.exec.ask();
    const privileged = hello?.privileged ?? (sudo === true || process.geteuid?.() === 0);
    if (!privileged && this.can?.privileged !== false)
      log.warn(
        `read-only here: cannot act as root${exec === undefined ? '' : `. No executor of root's answers at ${exec}`}`,
      );
    this.can = { live: live && (hello?.live ?? true), privileged };
  }

  private async sayBirth(): Promise<void> {
    const { agent } = this.options;
    const can = this.can ?? { live: this.options.live };
    const containers = this.containers();
    const birth = birthOf(this.sensor, {
      agent,
      ...can,
      boot: this.boot,
      key: this.key.public,
      ring: this.voice.waiting(),
      frames: this.ring.summary(this.boot),
      count: ++this.births,
      now: Date.now(),
    });
    this.bornClock = Date.now() - performance.now();
    if (this.link.connected) this.telemetry.born(birth.schema);
    const sent = await this.link.publish(agentTopic(agent, 'b'), seal('birth', encodeBirth(birth), this.key), true);
    if (!sent) return;
    this.bornSchema = birth.schema;
    this.bornTags = birth.host.tags;
    this.bornContainers = containers;
  }

  /** Changes whenever the inventory's containers do: unlike units, they come and go by themselves. */
  private containers(): number {
    return this.sensor.find(ContainersSense)?.changes ?? 0;
  }

  private async tell(finding: Finding, ts: number): Promise<void> {
    const isAnomaly = finding.kind === 'anomaly';
    const snapshot = isAnomaly ? await capture(finding, this.sensor, { growth: this.growth }) : undefined;
    this.options.log.info(`${finding.kind}: ${finding.reason}`, { signal: finding.signal });
    this.voice.event(finding, ts, snapshot);
  }

  private hear(topic: string, payload: Uint8Array, isRetained: boolean): void {
    const { agent, log } = this.options;
    try {
      if (topic === hubTopic('st')) this.hearHub(payload, isRetained);
      else if (topic === hubTopic('site')) this.words.hearRoster(payload);
      else if (topic === hubTopic('ckpt') || topic === hubTopic('halt')) this.words.hear(topic, payload);
      else if (topic === agentTopic(agent, 'ack')) this.hearAck(payload);
      else if (topic === agentTopic(agent, 'c')) {
        if (isProbeMessage(payload)) this.prober.hear(payload);
        else this.hearOrder(payload);
      }
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'E_MESSAGE';
      this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
      if (code === 'E_AUDIT_ROLLBACK' && this.refused.get(code) === 1)
        this.audit('witness', { code, why: String(error) });
      if (this.refused.get(code) === 1) log.warn('refused a message', { topic, code, why: String(error) });
    }
  }

  /**
   * On a broker of its own a hub comes and goes while the connection stays: one that has come is greeted like a new
   * connection, since it may know nothing of what was said before. Nobody signs this, so it may cost a greeting only.
   */
  private hearHub(payload: Uint8Array, isRetained: boolean): void {
    const { state, ts } = hubStateShape(decodeCbor(payload), '');
    if (state !== 'online' || ts === this.hubSince) return;
    this.hubSince = ts;
    // What is retained was said before this connection, whose own greeting that hub hears.
    if (isRetained || !this.greeted || this.regreeting !== undefined) return;
    this.regreeting = setTimeout(
      () => {
        this.regreeting = undefined;
        if (!this.link.connected) return;
        this.greeted = false;
        this.voice.shut();
        this.telemetry.shut();
        void this.greet().catch((error: unknown) => this.options.log.error('could not greet', { why: String(error) }));
      },
      REGREET_MS * (1 + 4 * Math.random()),
    );
  }

  private hearAck(payload: Uint8Array): void {
    const ack: Ack = ackShape(decodeCbor(open('ack', payload, this.trust.roster.hub_key)), '');
    if (ack.agent !== this.options.agent) return;
    this.trust.learnAck(ack);
    this.words.keepAck(payload);
    this.hubClock.hear(ack.now);
    this.voice.stored(ack.boot, ack.through);
    if (ack.frames !== undefined) this.telemetry.stored(ack.boot, ack.frames);
    if (ack.again !== undefined) this.telemetry.again(ack.boot, ack.again);
  }

  private hearOrder(payload: Uint8Array): void {
    const order = readOrder(payload, this.trust);
    if (this.waitingOrders >= ORDERS_MAX)
      throw Object.assign(new Error('too many orders wait'), { code: 'E_ORDER_FLOOD' });
    this.waitingOrders++;
    // One at a time: two plans on one host could undo each other.
    this.orders = this.orders
      .then(() => this.hands.run(order, payload, (report) => this.voice.result(order, report)))
      .catch((error: unknown) => this.options.log.error('an order failed', { order: order.id, why: String(error) }))
      .finally(() => this.waitingOrders--);
  }

  private stateMessage(state: 'online' | 'dead' | 'stopped'): Uint8Array {
    return encodeCbor({ boot: this.boot, state, ts: Date.now() });
  }
}
