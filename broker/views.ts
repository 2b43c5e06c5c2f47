import type { Birth, Event } from './messages.ts';
import type { AgentState } from './states.ts';
import { HUB_ID } from './topics.ts';

/**
 * What anyone's scripts may read without knowing how agents and hub speak: plain maps with string keys, no tags, no
 * scales, no signatures. `docs/views.cddl` is the grammar. Views are made by the hub from what it has stored, and `v`
 * grows when a field changes its meaning; new fields may come at any time.
 */
export const VIEW_VERSION = 1;

export type ViewFormat = 'view' | 'json';

export const telemetryView = (format: ViewFormat, agent: string): string => `${format}/1/${agent}/telemetry`;
export const stateView = (format: ViewFormat, agent: string): string => `${format}/1/${agent}/state`;
export const eventView = (format: ViewFormat, agent: string): string => `${format}/1/${agent}/event`;
export const incidentView = (format: ViewFormat, id: string): string => `${format}/1/${HUB_ID}/incident/${id}`;

/** One sample in each metric's unit; the units stand in the agent's state. Times are the hub's, in milliseconds. */
export function viewOfTelemetry(
  agent: string,
  { at, values }: { readonly at: number; readonly values: Readonly<Record<string, number | null>> },
) {
  return { v: VIEW_VERSION, agent, ts: at, metrics: values };
}

/** Whether an agent is there, what it is, and what its telemetry holds. */
export function viewOfState(
  birth: Birth,
  presence: { readonly state: AgentState['state']; readonly last_seen: number },
) {
  const { agent, boot, version, host, can, metrics } = birth;
  return {
    v: VIEW_VERSION,
    agent,
    state: presence.state,
    last_seen: presence.last_seen,
    boot,
    version,
    host,
    live: can.live,
    privileged: can.privileged,
    units: Object.fromEntries(metrics.map(({ name, unit }) => [name, unit])),
  };
}

/** An event without its snapshot, which is evidence. `incident` is what it opened or joined. */
export function viewOfEvent({ snapshot: _evidence, ...event }: Event, incident: string | null) {
  return { v: VIEW_VERSION, ...event, ...(incident === null ? {} : { incident }) };
}

/** What a reader without a grant may know of an incident: that it is there, and how it stands. */
export interface IncidentFacts {
  readonly id: string;
  readonly state: string;
  readonly reason: string;
  readonly severity: string;
  readonly host: string;
  readonly title: string;
  readonly owner: string;
  readonly opened: number;
  readonly updated: number;
  readonly repeats: number;
  readonly event: Pick<Event, 'signal'>;
}

export function viewOfIncident(incident: IncidentFacts) {
  const { id, state, reason, severity, host, title, owner, opened, updated, repeats, event } = incident;
  const { signal } = event;
  return { v: VIEW_VERSION, id, state, reason, severity, host, signal, title, owner, opened, updated, repeats };
}
