import type { Event } from '../../broker/messages.ts';
import { trackOf } from '../correlate/memory.ts';
import type { Hub } from '../hub.ts';
import { findActive } from '../store/incidents.ts';
import type { Presence } from '../store/store.ts';

/** How long an agent may be away before that is trouble: a reboot or a short cut of the link is not. */
const AWAY_MS = 120_000;
/** An agent whose connection stands but from which nothing comes, neither telemetry nor a will. */
const MUTE_MS = 300_000;
/** How often all agents are looked at. */
const LOOK_MS = 10_000;
/** The hub's clock was set when from one look to the next it went otherwise than time did, by so much. */
const SET_MS = 30_000;

const FINGERPRINT = 'host.silent';

/**
 * Watches for agents that fell silent: the one trouble of a host that its own agent can't report. It becomes an event
 * like any other, so that grouping by service, silences and recovery hold for it too. An agent that said goodbye is
 * not silent.
 */
export class SilentAgents {
  readonly #hub: Hub;
  readonly #take: (event: Event) => Promise<void>;
  readonly #steady: () => number;
  /** Since when who is there can be heard: this hub's start, or when its clock was last set, by that clock. */
  #since: number;
  #looked: { readonly clock: number; readonly steady: number };
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  /** `take` correlates an event that the hub itself saw; `steady` is milliseconds that no set clock changes. */
  constructor(hub: Hub, take: (event: Event) => Promise<void>, steady: () => number = () => performance.now()) {
    this.#hub = hub;
    this.#take = take;
    this.#steady = steady;
    this.#since = hub.now();
    this.#looked = { clock: this.#since, steady: steady() };
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#looking = this.look().catch((error: unknown) =>
        this.#hub.log.error('could not look for silent agents', { why: String(error) }),
      );
    }, LOOK_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** Looks at every agent once; tells who fell silent and who came back. */
  async look(): Promise<void> {
    const { store } = this.#hub;
    this.#noteClock();
    for (const { key: agent, value } of [...store.presence.getRange({})]) {
      const told =
        findActive(store, agent, FINGERPRINT) !== undefined || trackOf(store, agent, FINGERPRINT).joined !== null;
      const away = this.#silentFor(value);
      if (away !== null && !told)
        await this.#tell(agent, value, 'anomaly', `Nothing was heard of it for ${words(away)}.`);
      else if (away === null && told && value.state === 'online') {
        await this.#tell(agent, value, 'recovery', 'The agent is back.');
      }
    }
  }

  /** For how long it has been silent, in milliseconds; null while it is not, or not for long enough. */
  #silentFor({ state, last_seen }: Presence): number | null {
    if (state === 'stopped') return null;
    const allowed = state === 'dead' ? AWAY_MS : MUTE_MS;
    const now = this.#hub.now();
    // While the hub itself was down nobody could be heard; nor counts what was heard by another clock.
    const since = last_seen > now ? this.#since : Math.max(last_seen, this.#since);
    return now - since >= allowed ? now - Math.min(last_seen, since) : null;
  }

  /** A clock that is set ahead by an hour makes nobody silent for an hour, and one that is set back hides nobody for as long. */
  #noteClock(): void {
    const [clock, steady] = [this.#hub.now(), this.#steady()];
    const went = clock - this.#looked.clock;
    if (Math.abs(went - (steady - this.#looked.steady)) >= SET_MS) this.#since = clock;
    this.#looked = { clock, steady };
  }

  #tell(agent: string, { boot }: Presence, kind: Event['kind'], reason: string): Promise<void> {
    return this.#take({
      agent,
      boot,
      seq: 0,
      ts: this.#hub.now(),
      kind,
      signal: FINGERPRINT,
      severity: kind === 'anomaly' ? 'critical' : 'info',
      reason,
      fingerprint: FINGERPRINT,
    });
  }
}

const words = (ms: number): string =>
  ms < 2 * 3_600_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
