import { connect, type MqttClient } from 'mqtt';
import { readCredentials } from '../../broker/credentials.ts';
import type { Log } from '../../broker/log.ts';
import type { Snapshot } from '../../broker/messages.ts';
import { redact } from '../../broker/redact.ts';
import { deviceOfMetric } from '../../broker/subject.ts';
import { TokenBucket } from '../../broker/token-bucket.ts';
import type { Limit } from '../detect/limit.ts';
import { DevicesSense, limitsOf } from './devices.ts';
import { type Mapping, readMapping } from './mapping.ts';

/** Messages a second that are looked at, and how many may be saved up: of a flood the newest values are soon enough. */
const MESSAGES = { perSecond: 2_000, burst: 4_000 } as const;
const RECONNECT_MS = 1_000;
const KEEPALIVE_S = 30;
/** What was refused is said once in so long. */
const SAY_EVERY_MS = 60_000;

/**
 * The gateway role: a client of the devices' own broker that only listens. Devices never reach the hub's broker, whose
 * every client is enrolled: their passwords and their floods stay where they are, and what the gateway made of them waits
 * on its disk like everything else that it says.
 */
export class Gateway {
  readonly sense: DevicesSense;
  readonly limits: readonly Limit[];
  readonly #mapping: Mapping;
  readonly #log: Log;
  readonly #id: string;
  #client: MqttClient | null = null;
  #saying: NodeJS.Timeout | undefined;
  #said = 0;

  /** `id` is the agent's own. Throws WatchError for the mapping, CredentialsError for its credentials. */
  constructor(mapping: Mapping, id: string, log: Log) {
    this.#mapping = mapping;
    this.#id = id;
    this.#log = log;
    this.sense = new DevicesSense(mapping, () => performance.now());
    this.limits = limitsOf(mapping);
  }

  static of(file: string, id: string, log: Log): Gateway {
    return new Gateway(readMapping(file), id, log);
  }

  start(): void {
    const { broker, credentials, topics } = this.#mapping;
    const login = credentials === undefined ? null : readCredentials(credentials);
    const budget = new TokenBucket(MESSAGES.perSecond, MESSAGES.burst, performance.now());
    const client = connect(broker, {
      clientId: login?.username ?? `sentinel-${this.#id}`.slice(0, 64),
      ...(login === null ? {} : { ...login, broker: undefined }),
      protocolVersion: 4,
      clean: true,
      keepalive: KEEPALIVE_S,
      reconnectPeriod: RECONNECT_MS,
      resubscribe: false,
    });
    this.#client = client;
    const filters = [...new Set(topics.map(({ pattern }) => pattern.filter))];
    client.on('connect', () => {
      client.subscribe(filters, { qos: 0 }, (error, granted) => {
        const refused =
          error === null ? (granted ?? []).filter(({ qos }) => qos > 2).map(({ topic }) => topic) : filters;
        if (refused.length > 0) this.#log.warn('the devices’ broker refuses topics', { topics: refused.join(' ') });
        this.sense.reachable(true);
        this.#log.info('hears devices', { broker, topics: filters.length });
      });
    });
    client.on('close', () => this.sense.reachable(false));
    let trouble = '';
    client.on('error', ({ message }) => {
      if (message !== trouble) this.#log.warn('can’t reach the devices’ broker', { broker, why: message });
      trouble = message;
    });
    client.on('message', (topic, payload, { retain }) => {
      if (budget.take(performance.now())) this.sense.hear(topic, payload, retain);
      else this.sense.refuse('E_DEVICE_RATE');
    });
    this.#saying = setInterval(() => this.#sayRefused(), SAY_EVERY_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.#saying);
    const client = this.#client;
    if (client !== null) await new Promise<void>((resolve) => client.end(true, {}, () => resolve()));
  }

  /** What is known of the device that a metric is of; null for a metric of the gateway's own host. */
  snapshotOf(metric: string): Snapshot | null {
    const device = deviceOfMetric(metric);
    if (device === null) return null;
    const facts = Object.entries(this.sense.factsOf(device)).map(([name, text]) => [
      name,
      { text: redact(text, 128), trusted: false },
    ]);
    const nothing = {
      top_cpu: [],
      top_mem: [],
      top_fds: [],
      mounts: [],
      unit_lines: [],
      log_templates: [],
      changes: [],
    };
    return { ...nothing, facts: Object.fromEntries(facts.slice(0, 64)) };
  }

  #sayRefused(): void {
    const counts = [...this.sense.refused];
    const total = counts.reduce((sum, [, count]) => sum + count, 0);
    if (total === this.#said) return;
    this.#said = total;
    this.#log.warn('did not take messages of devices', Object.fromEntries(counts));
  }
}
