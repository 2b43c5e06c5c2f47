import { encodeCbor } from '../broker/cbor.ts';
import type { KeyPair } from '../broker/keys.ts';
import { within } from '../broker/lifetime.ts';
import type { Log } from '../broker/log.ts';
import { seal } from '../broker/signed.ts';
import { birthOf, encodeBirth } from './birth.ts';
import type { ExecLink } from './exec/exec-link.ts';
import type { Hello } from './exec/protocol.ts';
import type { Ring } from './ring/ring.ts';
import { ContainersSense } from './sense/containers/containers.ts';
import type { Sensor } from './sense/sensor.ts';
import type { Telemetry } from './telemetry.ts';
import type { Voice } from './voice.ts';

/** A clock that was set by more than this is another clock: samples are placed in time by it. */
const CLOCK_MOVED_MS = 2_000;
/** At the end the last results and the goodbye have so long to leave. */
const LAST_WORDS_MS = 3_000;
/** A hub that has come is greeted after this, up to five times as late: a fleet must not answer in one wave. */
const REGREET_MS = 1_000;

/** An agent's state as a message; the one of its death is the connection's will. */
export const encodeState = (boot: string, state: 'online' | 'dead' | 'stopped'): Uint8Array =>
  encodeCbor({ boot, state, ts: Date.now() });

export interface PresenceParts {
  readonly agent: string;
  readonly boot: string;
  readonly key: KeyPair;
  readonly live: boolean;
  readonly sudo: boolean;
  /** The executor that may act as root, and where it is; null where there is none. */
  readonly exec: { readonly link: ExecLink; readonly path: string } | null;
  readonly sensor: Sensor;
  readonly voice: Voice;
  readonly telemetry: Telemetry;
  readonly ring: Ring;
  /** The devices that it speaks for; null where it is no gateway. */
  readonly devices: (() => readonly string[]) | null;
  /** Whether the link is up. */
  readonly isUp: () => boolean;
  /** Publishes, retained; resolves true when the broker has acknowledged it. */
  readonly publish: (channel: 'b' | 'st', payload: Uint8Array) => Promise<boolean>;
  readonly log: Log;
}

/**
 * Says who is here: a birth and a state at each greeting, and a birth again when what it said is no longer so. What the
 * agent has to say comes behind them, since the hub reads it by the birth: the voice at once, telemetry when they have
 * been acknowledged.
 */
export class Presence {
  readonly #parts: PresenceParts;
  #can: Pick<Hello, 'live' | 'privileged' | 'upgrades'> | null = null;
  #births = 0;
  /** What the last birth that arrived was said of: another one is due when any of it is different. */
  #born: { readonly schema: number; readonly tags: readonly string[]; readonly containers: number } | null = null;
  /** What this host's clock was ahead of its monotonic one when the last birth was said. */
  #bornClock = 0;
  /** When the hub that is there has started, by its own word. */
  #hubSince = 0;
  #regreeting: NodeJS.Timeout | undefined;

  constructor(parts: PresenceParts) {
    this.#parts = parts;
  }

  /** The link is up. Never throws. */
  async greet(): Promise<void> {
    const { sensor, boot, publish, isUp, voice, telemetry, log } = this.#parts;
    try {
      if (sensor.schema() === 0) await sensor.sample();
      await this.#askExecutor();
      // One behind the other in the same stream, which keeps their order: on a link with seconds of latency an alert that
      // waited for each answer came ten seconds later.
      const said = [this.#sayBirth(), publish('st', encodeState(boot, 'online'))];
      if (isUp()) voice.open();
      await Promise.all(said);
      if (!isUp()) return;
      telemetry.restart();
    } catch (error) {
      log.error('could not greet', { why: String(error) });
    }
  }

  /** The link is down: nothing more is said until the next greeting. */
  hush(): void {
    this.#parts.voice.shut();
    this.#parts.telemetry.shut();
  }

  /** After a sample: says the birth again where the metrics, the tags, the containers or the clock are others now. */
  async refresh(): Promise<void> {
    const { sensor, isUp } = this.#parts;
    const born = this.#born;
    if (born === null || !isUp()) return;
    const isSame =
      sensor.schema() === born.schema &&
      sensor.watch.declared().tags === born.tags &&
      this.#containers() === born.containers &&
      // The hub reads this agent's times by the clock of its last birth: a clock that was set needs a new one.
      Math.abs(aheadOfMonotonic() - this.#bornClock) <= CLOCK_MOVED_MS;
    if (!isSame) await this.#sayBirth();
  }

  /**
   * On a broker of its own a hub comes and goes while the connection stays: one that has come is greeted like a new
   * connection, since it may know nothing of what was said before. Nobody signs this, so it may cost a greeting only.
   * `since` is when the hub started, in milliseconds since the epoch.
   */
  hubIsOnline(since: number, isRetained: boolean): void {
    if (since === this.#hubSince) return;
    this.#hubSince = since;
    // What is retained was said before this connection, whose own greeting that hub hears. One that comes in the middle of
    // a greeting may have missed its beginning, and what followed it.
    if (isRetained || this.#regreeting !== undefined) return;
    this.#regreeting = setTimeout(
      () => {
        this.#regreeting = undefined;
        if (!this.#parts.isUp()) return;
        this.hush();
        void this.greet();
      },
      REGREET_MS * (1 + 4 * Math.random()),
    );
  }

  /** No hub is greeted from now on. */
  stop(): void {
    clearTimeout(this.#regreeting);
  }

  /** The last words: what waits, then that this agent stops. */
  async sayGoodbye(): Promise<void> {
    const { voice, telemetry, publish, boot } = this.#parts;
    const words = async () => {
      await voice.flush();
      await telemetry.flush();
      await publish('st', encodeState(boot, 'stopped'));
    };
    await within(LAST_WORDS_MS, words());
  }

  /** What may be done here is the executor's to say where there is one: live takes both. */
  async #askExecutor(): Promise<void> {
    const { exec, live, sudo, log } = this.#parts;
    const hello = exec === null ? null : await exec.link.ask();
    const privileged = hello?.privileged ?? (sudo || process.geteuid?.() === 0);
    if (!privileged && this.#can?.privileged !== false) {
      const missing = exec === null ? '' : `. No executor of root's answers at ${exec.path}`;
      log.warn(`read-only here: cannot act as root${missing}`);
    }
    const upgrades = live && hello?.upgrades === true ? { upgrades: true } : {};
    this.#can = { live: live && (hello?.live ?? true), privileged, ...upgrades };
  }

  async #sayBirth(): Promise<void> {
    const { agent, boot, key, live, sensor, voice, ring, telemetry, devices, isUp, publish } = this.#parts;
    const said = { tags: sensor.watch.declared().tags, containers: this.#containers() };
    const birth = birthOf(sensor, {
      agent,
      ...(this.#can ?? { live }),
      boot,
      key: key.public,
      ...voice.waiting(),
      frames: ring.summary(boot),
      count: ++this.#births,
      now: Date.now(),
      ...(devices === null ? {} : { devices: devices() }),
    });
    this.#bornClock = aheadOfMonotonic();
    if (isUp()) telemetry.born(birth.schema);
    if (await publish('b', seal('birth', encodeBirth(birth), key))) this.#born = { ...said, schema: birth.schema };
  }

  /** Changes whenever the inventory's containers do: unlike units, they come and go by themselves. */
  #containers(): number {
    return this.#parts.sensor.find(ContainersSense)?.changes ?? 0;
  }
}

const aheadOfMonotonic = (): number => Date.now() - performance.now();
