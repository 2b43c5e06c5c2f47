import { encodeCbor } from '../../broker/cbor.ts';
import type { Mesh } from '../../broker/mesh.ts';
import type { Event } from '../../broker/messages.ts';
import { jsonBytes } from '../../broker/requests.ts';
import { isAgentId } from '../../broker/subject.ts';
import { TokenBucket } from '../../broker/token-bucket.ts';
import {
  eventView,
  incidentView,
  stateView,
  telemetryView,
  type ViewFormat,
  viewOfEvent,
  viewOfIncident,
  viewOfState,
  viewOfTelemetry,
} from '../../broker/views.ts';
import { CLOSED } from '../incident.ts';
import { getIncident, unfinished } from '../store/incidents.ts';
import { readSamples } from '../store/samples.ts';
import type { Store } from '../store/store.ts';

/** What listeners may cost the hub: one table, each with its reason. */
export const VIEWS = {
  /** One agent's telemetry is shown at most so often: dashboards are looked at by people. */
  telemetryMs: 1_000,
  /** One agent's events a second, and how many it may save up: a storm is told, not repeated in full. */
  eventsPerSecond: 10,
  eventsBurst: 50,
  /** States and incidents that changed are said together, so that what changes back and forth is said once. */
  gatherMs: 200,
  /** At most so many of them at a time: the start of a large site must not hold up its agents. */
  gatherMax: 200,
  /** Views that the broker has not yet taken: past them, what is not retained is left out. */
  inFlight: 1_024,
} as const;

export interface ViewsOptions {
  readonly store: Store;
  readonly mesh: Mesh;
  /** Say everything once more as JSON under `json/1`. */
  readonly json: boolean;
  /** Whether anybody may listen: without a tool nothing is said, and nothing is spent. */
  readonly isWanted: () => boolean;
  readonly isAgent: (name: string) => boolean;
  readonly now: () => number;
}

/** Says what the hub has stored to whoever listens: `view/1/#`. Nothing waits for it, and nothing of it is kept. */
export class Views {
  /** Views that were left out, because the broker did not keep up or was not there. */
  left = 0;
  private readonly options: ViewsOptions;
  private readonly formats: readonly ViewFormat[];
  private readonly shown = new Map<string, number>();
  private readonly events = new Map<string, TokenBucket>();
  private readonly states = new Set<string>();
  private readonly incidents = new Set<string>();
  /** Incidents that are retained, by when what is said of them last changed. */
  private readonly said = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private inFlight = 0;
  private isClosed = false;

  constructor(options: ViewsOptions) {
    this.options = options;
    this.formats = options.json ? ['view', 'json'] : ['view'];
  }

  /** Says everything that is retained: a broker that was started anew knows none of it. */
  sayAll(): void {
    const { store, isAgent } = this.options;
    for (const agent of store.births.getKeys({})) if (isAgent(agent)) this.states.add(agent);
    for (const id of unfinished(store)) this.incidents.add(id);
    this.said.clear();
    this.gather();
  }

  /** Telemetry of these agents was stored. */
  sampled(agents: readonly string[]): void {
    const { store, now, isWanted } = this.options;
    if (!isWanted()) return;
    store.refresh();
    for (const agent of agents) {
      const at = now();
      if (at - (this.shown.get(agent) ?? 0) < VIEWS.telemetryMs) continue;
      this.shown.set(agent, at);
      const [newest] = readSamples(store, agent, { limit: 1 });
      if (newest !== undefined) this.pass((format) => telemetryView(format, agent), viewOfTelemetry(agent, newest), 0);
    }
  }

  /** An agent's birth or state was stored. */
  state(agent: string): void {
    this.states.add(agent);
    this.gather();
  }

  /** An event of an agent was stored, and opened or joined this incident; others have no topic, and show as incidents. */
  event(event: Event, incident: string | null): void {
    const { now, isWanted } = this.options;
    if (!isWanted() || !isAgentId(event.agent)) return;
    let budget = this.events.get(event.agent);
    if (budget === undefined) {
      budget = new TokenBucket(VIEWS.eventsPerSecond, VIEWS.eventsBurst, now());
      this.events.set(event.agent, budget);
    }
    if (!budget.take(now())) {
      this.left++;
      return;
    }
    this.pass((format) => eventView(format, event.agent), viewOfEvent(event, incident), 1);
  }

  /** An incident may have changed. */
  incident(id: string): void {
    this.incidents.add(id);
    this.gather();
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
  }

  private gather(): void {
    if (this.isClosed || !this.options.isWanted()) {
      this.states.clear();
      this.incidents.clear();
      return;
    }
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.sayChanged();
      if (this.states.size + this.incidents.size > 0) this.gather();
    }, VIEWS.gatherMs);
  }

  private sayChanged(): void {
    let left: number = VIEWS.gatherMax;
    for (const id of this.incidents) {
      if (left-- <= 0) return;
      this.incidents.delete(id);
      this.sayIncident(id);
    }
    for (const agent of this.states) {
      if (left-- <= 0) return;
      this.states.delete(agent);
      this.sayState(agent);
    }
  }

  private sayState(agent: string): void {
    const { store } = this.options;
    const birth = store.births.get(agent);
    const presence = store.presence.get(agent);
    if (birth === undefined || presence === undefined) return;
    this.retain((format) => stateView(format, agent), viewOfState(birth, presence));
  }

  private sayIncident(id: string): void {
    const incident = getIncident(this.options.store, id);
    if (incident === undefined || this.said.get(id) === incident.updated) return;
    const topic = (format: ViewFormat) => incidentView(format, id);
    if (!CLOSED.has(incident.state)) {
      this.said.set(id, incident.updated);
      this.retain(topic, viewOfIncident(incident));
      return;
    }
    this.said.delete(id);
    this.pass(topic, viewOfIncident(incident), 1);
    for (const format of this.formats) this.publish(topic(format), new Uint8Array(), true, 1);
  }

  private retain(topic: (format: ViewFormat) => string, view: unknown): void {
    for (const format of this.formats) this.publish(topic(format), bytesOf(view, format), true, 1);
  }

  private pass(topic: (format: ViewFormat) => string, view: unknown, qos: 0 | 1): void {
    for (const format of this.formats) {
      if (this.inFlight >= VIEWS.inFlight) this.left++;
      else this.publish(topic(format), bytesOf(view, format), false, qos);
    }
  }

  private publish(topic: string, payload: Uint8Array, retain: boolean, qos: 0 | 1): void {
    this.inFlight++;
    this.options.mesh
      .publish(topic, payload, { retain, qos })
      .catch(() => this.left++)
      .finally(() => this.inFlight--);
  }
}

const bytesOf = (view: unknown, format: ViewFormat): Uint8Array =>
  format === 'json' ? jsonBytes(view) : encodeCbor(view);
