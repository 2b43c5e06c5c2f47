import { decodeCbor } from '../../broker/cbor.ts';
import type { Inbound } from '../../broker/mesh.ts';
import {
  type Birth,
  birth as birthShape,
  type Event,
  type Result,
  result as resultShape,
} from '../../broker/messages.ts';
import { open, peek } from '../../broker/signed.ts';
import { agentState } from '../../broker/states.ts';
import { isUpgradePayload } from '../../broker/upgrade-messages.ts';
import { isNewer, VERSION } from '../../broker/version.ts';
import type { Hub } from '../hub.ts';
import type { Incident } from '../incident.ts';
import type { Driver } from '../pipeline.ts';
import { absorb, correlate, joins, raise } from '../steps/correlate.ts';
import { isRepeat, markHandled, observe } from '../steps/observe.ts';
import { commitIncident, getIncident } from '../store/incidents.ts';
import type { Store } from '../store/store.ts';
import { Turns } from '../turns.ts';
import { Acks } from './acks.ts';
import type { StoredThrough } from './ingest.ts';
import { noteLost } from './lost.ts';
import { redactResult } from './redact.ts';
import { DeviceNameError, ownDevices, spokenFor } from './spoken-for.ts';

/** Bad messages are logged once in so long, whatever their number: a broken agent must not fill the log. */
const COMPLAIN_EVERY_MS = 10_000;

/** What agents say, checked and stored. A bad message is counted and dropped; nothing else is disturbed by it. */
export class Intake {
  /** Messages dropped, by error code. */
  readonly dropped = new Map<string, number>();
  private complained = 0;
  private readonly turns = new Turns();
  private readonly acks: Acks;
  private readonly hub: Hub;
  private readonly driver: Driver;

  constructor(hub: Hub, driver: Driver) {
    this.hub = hub;
    this.acks = new Acks(hub);
    this.driver = driver;
  }

  /** Tells nobody of its own accord any more: the store is about to close. */
  stop(): void {
    this.acks.stop();
  }

  /** Resolves when the message is durable or dropped, in each agent's own order: only then may it be acknowledged. */
  receive(message: Inbound): Promise<void> {
    return this.turns.take(message.agent, async () => {
      try {
        await this.handle(message);
      } catch (error) {
        // Not stored, so not acknowledged: the broker hangs up, and the agent repeats it when it is back.
        const unstored = error instanceof Error && 'code' in error && error.code === 'E_STORE_WRITE';
        this.complain(unstored ? 'could not store a message' : 'dropped a message', message, error);
        if (unstored) throw error;
      }
    });
  }

  private handle({ agent, channel, payload }: Inbound): Promise<void> {
    switch (channel) {
      case 'b':
        return this.birth(agent, payload);
      case 'st':
        return this.state(agent, payload);
      case 'e':
        return this.event(agent, payload);
      case 'r':
        return this.result(agent, payload);
      default:
        return Promise.resolve();
    }
  }

  private async birth(agent: string, payload: Uint8Array): Promise<void> {
    const { store, site, now, delivered } = this.hub;
    const enrolled = site.agents.get(agent);
    if (enrolled === undefined) return;
    const said = birthShape(decodeCbor(open('birth', payload, enrolled.key)), '');
    const { birth, taken } = ownDevices(said, this.isAgent);
    if (birth.agent !== agent) throw Object.assign(new Error('a birth for another agent'), { code: 'E_MESSAGE_SHAPE' });
    const first = store.births.get(agent)?.boot !== birth.boot;
    if (isReplay(store, birth))
      throw Object.assign(new Error('a birth that was heard before'), { code: 'E_BIRTH_OLD' });
    await store.write(() => {
      void store.births.put(agent, { ...birth, heard: now() });
      void store.handled.put([agent, birth.boot, 'b'], birth.count ?? 0);
      void store.presence.put(agent, { state: 'online', boot: birth.boot, last_seen: now() });
      noteLost(this.hub, birth);
    });
    for (const { boot, to } of birth.lost ?? []) await this.acks.heard({ agent, boot, seq: to });
    for (const [order, host] of delivered) if (host === agent) delivered.delete(order);
    if (first && taken.length > 0) {
      this.hub.log.warn('devices under names of agents are not heard', { agent, devices: taken.join(' ') });
    }
    if (first && isNewer(birth.version, VERSION)) {
      const fields = { code: 'E_AGENT_NEWER', agent, version: birth.version, hub: VERSION };
      this.hub.log.warn(
        'an agent is newer than this hub: it is heard, and gets no order until the hub is upgraded',
        fields,
      );
    }
    if (first) this.hub.log.info('agent is here', { agent, live: birth.can.live, privileged: birth.can.privileged });
    this.hub.views?.state(agent);
    this.hub.upgrades?.born(this.hub, agent);
    this.wakeHost(agent);
  }

  private async state(agent: string, payload: Uint8Array): Promise<void> {
    const { store, now } = this.hub;
    const said = agentState(decodeCbor(payload), '');
    const known = store.presence.get(agent);
    // The will of an earlier session may arrive late: it says nothing about this one.
    if (known === undefined || known.boot !== said.boot) return;
    await store.write(() => {
      void store.presence.put(agent, { ...known, state: said.state, last_seen: now() });
    });
    if (said.state !== known.state) this.hub.log.info(`agent is ${said.state}`, { agent });
    this.hub.views?.state(agent);
    if (said.state === 'online') this.wakeHost(agent);
  }

  /** Telemetry was stored: it may say that what was done has helped, and its agents need not keep it. */
  sampled(stored: readonly StoredThrough[]): void {
    this.hub.views?.sampled(stored.map(({ agent }) => agent));
    for (const one of stored) {
      this.wakeHost(one.agent, 'verifying');
      this.acks.stored(one);
    }
  }

  /** Telemetry can't be read on: its agent is asked for it again. */
  broken(stored: StoredThrough): void {
    this.acks.again(stored);
  }

  private async event(agent: string, payload: Uint8Array): Promise<void> {
    const said = observe(this.hub, agent, payload);
    const handled = () => markHandled(this.hub, said);
    if (!isRepeat(this.hub, said)) {
      try {
        await this.take(spokenFor(said, this.isAgent), handled);
      } catch (error) {
        if (!(error instanceof DeviceNameError)) throw error;
        // Refused for good: its agent need not keep it.
        await this.hub.store.write(handled);
        this.complain('dropped a message', { agent, channel: 'e' }, error);
      }
    }
    await this.acks.heard(said);
  }

  /** Makes an event part of what the hub knows; `handled` is written in the same transaction. */
  async take(event: Event, handled: () => void = () => {}): Promise<void> {
    const { hub, driver } = this;
    const active = joins(hub, event);
    const correlated = () => correlate(hub, event, handled);
    const outcome = active === undefined ? await correlated() : await driver.change(active.id, correlated);
    const { wake, into, raise: to } = outcome;
    if (into !== null) {
      for (const id of outcome.absorb) await driver.change(id, () => absorb(hub, id, into));
      if (to !== null) await driver.change(into, () => raise(hub, into, to));
    }
    if (wake !== null) driver.wake(wake);
    hub.views?.event(event, into ?? wake);
  }

  private async result(agent: string, payload: Uint8Array): Promise<void> {
    const enrolled = this.hub.site.agents.get(agent);
    if (enrolled === undefined) return;
    const said = decodeCbor(peek(payload));
    if (isProbeResult(said)) return this.hub.probes.hear(this.hub, agent, payload);
    if (isUpgradePayload(said)) return this.hub.upgrades?.hear(this.hub, agent, payload);
    const result = redactResult(resultShape(decodeCbor(open('result', payload, enrolled.key)), ''));
    if (result.agent !== agent)
      throw Object.assign(new Error('a result of another agent'), { code: 'E_MESSAGE_SHAPE' });
    if (!isRepeat(this.hub, result)) {
      await this.driver.change(result.incident, () => this.keepResult(result));
    }
    await this.acks.heard(result);
  }

  private async keepResult(result: Result): Promise<void> {
    const { store, key, now } = this.hub;
    const handled = () => markHandled(this.hub, result);
    const incident = getIncident(store, result.incident);
    if (incident === undefined || incident.host !== result.agent || !expects(incident, result)) {
      await store.write(handled);
      return;
    }
    const next = { ...incident, results: [...incident.results, result], updated: now() };
    const entry = { kind: 'order.result', incident: incident.id, actor: result.agent, data: { result } };
    await commitIncident(store, key, next, entry, handled);
  }

  private readonly isAgent = (name: string): boolean => this.hub.site.agents.has(name);

  private wakeHost(agent: string, state?: Incident['state']): void {
    for (const { value: id } of this.hub.store.active.getRange({ start: [agent, ''], end: [agent, '\uffff'] })) {
      if (state === undefined || getIncident(this.hub.store, id)?.state === state) this.driver.wake(id);
    }
  }

  /** Counts what was dropped, by its error's code, and says so now and then. */
  complain(what: string, { agent, channel }: Pick<Inbound, 'agent' | 'channel'>, error: unknown, times = 1): void {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'E_MESSAGE';
    const count = (this.dropped.get(code) ?? 0) + times;
    this.dropped.set(code, count);
    if (this.hub.now() - this.complained < COMPLAIN_EVERY_MS) return;
    this.complained = this.hub.now();
    const why = error instanceof Error ? error.message : String(error);
    this.hub.log.warn(what, { agent, channel, code, why, count });
  }
}

/** Whether a result is an answer to a question, which no step and no acknowledgement follows. Its signature is checked apart. */
const isProbeResult = (payload: unknown): boolean =>
  typeof payload === 'object' && payload !== null && 'probe' in payload;

/**
 * A birth is signed, and stays signed: whoever has kept one could bring a start back that is over, and with it its
 * metrics and its inventory. A start that another one has followed does not come again, nor an earlier birth of this.
 */
function isReplay(store: Store, { agent, boot, count = 0 }: Birth): boolean {
  const heard = store.handled.get([agent, boot, 'b']);
  return heard !== undefined && (count < heard || store.births.get(agent)?.boot !== boot);
}

/** A result is kept once, and only for an order that this incident gave. */
function expects(incident: Incident, result: Result): boolean {
  const isSame = (one: Result) =>
    one.order === result.order &&
    one.state === result.state &&
    one.step?.phase === result.step?.phase &&
    one.step?.number === result.step?.number &&
    one.last === result.last;
  return incident.orders.some(({ id }) => id === result.order) && !incident.results.some(isSame);
}
