import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { encodeCbor } from '../broker/cbor.ts';
import { Link, type Login } from '../broker/link.ts';
import type { Log } from '../broker/log.ts';
import { seal } from '../broker/signed.ts';
import { claim, prepareFolder, type StateFolder } from '../broker/state-folder.ts';
import { agentTopic } from '../broker/topics.ts';
import { auditLog } from './audit-log.ts';
import { openCages } from './bound/open-cages.ts';
import { sayOnce } from './complaints.ts';
import { Detector } from './detect/detector.ts';
import { LIMITS } from './detect/limits.ts';
import { NO_HOME } from './environment.ts';
import { ExecLink } from './exec/exec-link.ts';
import { Hands } from './exec/hands.ts';
import { Executor } from './execute.ts';
import type { Gateway } from './gateway/gateway.ts';
import { Growth } from './growth.ts';
import { Hearing, topicsOf } from './hearing.ts';
import { HubClock } from './hub-clock.ts';
import { loginOf, readIdentity } from './identity.ts';
import { readInventory } from './inventory.ts';
import { Journal } from './journal.ts';
import { Learned } from './learned.ts';
import { OrderQueue } from './order-queue.ts';
import { encodeState, Presence } from './presence.ts';
import { Prober } from './probe/prober.ts';
import { Renewal } from './renewal.ts';
import { Ring } from './ring/ring.ts';
import { Sampling } from './sampling.ts';
import { ProcFiles } from './sense/proc-files.ts';
import { Sensor } from './sense/sensor.ts';
import { SiteJudge } from './site-judge.ts';
import { SiteWords } from './site-words.ts';
import { Telemetry } from './telemetry.ts';
import { Trust } from './trust.ts';
import { Upgrader } from './upgrader.ts';
import { Voice } from './voice.ts';
import { Watch } from './watch.ts';

/** A judge may be asked about any process that evidence named: more than the birth carries. */
const JUDGED_PROCESSES = 4_096;

export interface AgentOptions {
  readonly state: StateFolder;
  readonly agent: string;
  readonly url: string;
  /** How to log in at somebody else's broker; absent: by the agent's own secret or certificate. */
  readonly login?: Login;
  readonly live: boolean;
  /** Milliseconds between samples. */
  readonly interval: number;
  /** Samples in one publish: fewer bytes a sample, and later. Events are never held back. */
  readonly batch?: number;
  /** Devices that it speaks for besides; absent: an agent of this host alone. */
  readonly gateway?: Gateway;
  /** Socket of an executor that may act as root: it carries the orders out, and this process need not be root. */
  readonly exec?: string;
  /** Puts `sudo -n` before what needs root. */
  readonly sudo?: boolean;
  readonly log: Log;
}

/**
 * One host's agent: puts its parts together, starts and ends them. What goes where:
 *
 *     the host -> sensor -> detector -> sampling -> voice ------> link -> hub      what is unusual, with a snapshot
 *                                               \-> telemetry -> link -> hub       the numbers, from a ring on the disk
 *     presence: the birth and the state; it opens voice and telemetry when the hub was greeted, and shuts them
 *     hub -> link -> hearing -> prober -> link -> hub                              a question about this host
 *                           \-> orders -> hands -> executor, here or root's        what was approved; steps -> voice
 *                           \-> trust, words, hub clock                            what the hub tells all agents
 */
export class Agent {
  readonly #start: () => void;
  readonly #close: () => Promise<void>;
  /** Messages that were refused, by code. */
  readonly refused: ReadonlyMap<string, number>;

  constructor(options: AgentOptions) {
    const { state, agent, live, log } = options;
    const publish = (channel: 'b' | 'st' | 'm' | 'e' | 'r', payload: Uint8Array, retain = false): Promise<boolean> =>
      link.publish(agentTopic(agent, channel), payload, retain);
    const complain = sayOnce(log);

    // Who it is, and whom it believes.
    prepareFolder(state);
    const release = claim(state.agent, 'an agent');
    const boot = randomBytes(8).toString('hex');
    const self = readIdentity(state, agent);
    const { key } = self;
    const trust = new Trust(state.agent, self.root);
    const hubClock = new HubClock(Date.now, () => performance.now());
    const audit = auditLog(state.agentAudit, Date.now);

    // What it sees of its host, and of the devices that it speaks for.
    const { gateway = null } = options;
    const sensor = new Sensor({
      proc: new ProcFiles(),
      watch: new Watch(state.watch),
      cores: availableParallelism(),
      state: state.agent,
      aheadOfHub: () => hubClock.ahead(),
      extra: gateway === null ? [] : [gateway.sense],
    });
    const growth = new Growth();
    const learned = new Learned(state.agent, Date.now);
    const detector = new Detector([...LIMITS, ...(gateway?.limits ?? [])], { saved: learned.load() });

    // What it may do: by itself, or through an executor of root's.
    const journal = new Journal(state.journal);
    const handed = new Journal(state.handed);
    const exec = options.exec === undefined ? null : { link: new ExecLink(options.exec), path: options.exec };
    const sudo = options.sudo ?? false;
    const own = new Executor({
      ...{ agent, boot, live, trust, journal, sudo, audit, now: Date.now },
      judge: new SiteJudge(state.policy, log),
      inventory: () => readInventory(sensor, { processes: JUDGED_PROCESSES }),
      running: { cages: openCages(NO_HOME, false) },
      tags: () => sensor.watch.declared().tags,
    });
    const hands = new Hands({
      ...{ own, journal, handed, boot, live, now: Date.now },
      link: exec?.link ?? null,
      signed: () => words.signed,
    });
    const halted = (roster: Uint8Array, halt: Uint8Array) => {
      hands.halt({ roster, halt });
      log.warn('HALTED: nothing is executed until an admin lifts it');
    };
    const words = new SiteWords(trust, halted, (word) => hands.hear(word));

    // What it says.
    const link = new Link({
      url: options.url,
      id: agent,
      login: options.login ?? self.login,
      will: { topic: agentTopic(agent, 'st'), payload: encodeState(boot, 'dead') },
      topics: topicsOf(agent),
    });
    const voice = new Voice({ ...{ agent, boot, key, publish, complain }, file: state.outbox });
    const ring = new Ring(join(state.agent, 'telemetry.ring'));
    const telemetry = new Telemetry({
      ...{ boot, ring, secretHash: self.macSecret, batch: options.batch ?? 1 },
      publish: (payload) => publish('m', payload),
    });
    const presence = new Presence({
      ...{ agent, boot, key, live, sudo, exec, sensor, voice, telemetry, ring, log },
      devices: gateway === null ? null : () => gateway.sense.devices(),
      isUp: () => link.connected,
      publish: (channel, payload) => publish(channel, payload, true),
    });
    const sampling = new Sampling({
      ...{ sensor, detector, learned, growth, voice, presence, telemetry, ring, gateway, complain, log },
      interval: options.interval,
    });

    // What it hears.
    const orders = new OrderQueue({ trust, hands, log, report: (order, report) => voice.result(order, report) });
    const prober = new Prober({
      ...{ agent, boot, trust },
      host: { sensor, growth, root: '/', now: Date.now },
      inventory: () => readInventory(sensor),
      // Not kept: a question whose answer is lost is asked again.
      say: (result) => void publish('r', seal('probe_result', encodeCbor(result), key)),
    });
    const upgrader = new Upgrader({
      ...{ agent, boot, trust, live, link: exec?.link ?? null, signed: () => words.signed },
      // Not kept: the hub asks again.
      say: (report) => void publish('r', seal('upgrade_report', encodeCbor(report), key)),
    });
    const hearing = new Hearing({
      ...{ agent, trust, words, hubClock, presence, voice, telemetry, prober, orders, upgrader, audit, log },
    });
    link.on('up', () => void presence.greet());
    link.on('down', () => presence.hush());
    link.on('message', (topic, payload, isRetained) => hearing.hear(topic, payload, isRetained));
    link.on('trouble', (why) => complain(new Error(`no link to ${options.url}: ${why}`)));
    const renewal = new Renewal(state, log, (joined) => {
      if (options.login === undefined) link.renewLogin(agent, loginOf(joined));
      log.info('has a new certificate');
    });

    this.refused = hearing.refused;
    this.#start = () => {
      renewal.start();
      gateway?.start();
      sampling.start();
    };
    this.#close = async () => {
      renewal.stop();
      await gateway?.close();
      presence.stop();
      await sampling.close();
      await Promise.all([orders.close(), prober.close(), upgrader.close()]);
      await presence.sayGoodbye();
      await link.close();
      sensor.close();
      learned.save(detector);
      ring.close();
      voice.close();
      journal.close();
      handed.close();
      release();
    };
  }

  /** Samples once now, then at every interval. */
  start(): void {
    this.#start();
  }

  /** Ends every part, and leaves nothing running. What runs by an order is waited for. */
  close(): Promise<void> {
    return this.#close();
  }
}
