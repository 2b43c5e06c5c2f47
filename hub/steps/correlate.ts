import type { Event } from '../../broker/messages.ts';
import { ulid } from '../../broker/ulid.ts';
import type { Hub } from '../hub.ts';
import type { Incident, State } from '../incident.ts';
import { commitIncident, findActive, moved } from '../store/incidents.ts';
import { markHandled } from './observe.ts';

/** When the source recovers by itself in one of these, nothing needs to be done any more. */
const ENDS_BY_ITSELF: ReadonlySet<State> = new Set([
  'open',
  'diagnosing',
  'proposed',
  'expired',
  'escalated',
  'failed',
]);

/** The incident that this event would join, if any. */
export function joins(hub: Hub, event: Event): Incident | undefined {
  return findActive(hub.store, event.agent, event.fingerprint);
}

/**
 * Opens an incident, counts a repeat on the one that is open, or closes it when its source recovered. Stores the
 * outcome and that the event was handled in one transaction. Answers the id to go on with, or null.
 */
export async function correlate(hub: Hub, event: Event): Promise<string | null> {
  const now = hub.now();
  const active = joins(hub, event);
  const handled = () => markHandled(hub, event, 'e');
  const actor = event.agent;

  if (event.kind === 'anomaly' && active === undefined) {
    const incident = opened(event, now);
    const data = { fingerprint: event.fingerprint, reason: event.reason, severity: event.severity };
    await commitIncident(
      hub.store,
      hub.key,
      incident,
      { kind: 'incident.opened', incident: incident.id, actor, data },
      handled,
    );
    hub.log.info(`open  ${incident.title}`, { incident: incident.id, host: incident.host });
    return incident.id;
  }
  if (active === undefined) {
    await hub.store.write(handled);
    return null;
  }
  const entry = { incident: active.id, actor, data: { reason: event.reason } };
  if (event.kind === 'anomaly') {
    const repeated = { ...active, repeats: active.repeats + 1, last_seen: event.ts, updated: now };
    await commitIncident(hub.store, hub.key, repeated, { kind: 'incident.repeated', ...entry }, handled);
    return active.id;
  }
  const recovered = ENDS_BY_ITSELF.has(active.state)
    ? moved(active, 'resolved', { now, by: actor, note: `recovered by itself: ${event.reason}`, reason: 'recovered' })
    : { ...active, last_seen: event.ts, updated: now };
  await commitIncident(hub.store, hub.key, recovered, { kind: 'incident.recovered', ...entry }, handled);
  return active.id;
}

function opened(event: Event, now: number): Incident {
  return {
    id: ulid(now),
    state: 'open',
    reason: '',
    host: event.agent,
    title: titleOf(event),
    severity: event.severity,
    fingerprint: event.fingerprint,
    event,
    opened: now,
    updated: now,
    last_seen: event.ts,
    repeats: 0,
    owner: 'nobody',
    evidence: null,
    diagnoses: [],
    draft: null,
    plan: null,
    plan_hash: null,
    approval: null,
    orders: [],
    results: [],
    tried: [],
    learned: false,
    timeline: [{ ts: now, state: 'open', by: event.agent, note: event.reason }],
  };
}

/** Words for a signal, as an operator would say them. */
const TITLES: Readonly<Record<string, string>> = {
  'host.memory': 'memory nearly used up',
  'host.swap': 'swap nearly used up',
  'host.cpu': 'cpu saturated',
  'host.load': 'load far above its cores',
  'disk.space': 'disk filling',
  'disk.inodes': 'inodes running out',
  'net.errors': 'network errors',
  'group.memory': 'workload over its memory budget',
  'group.cpu': 'workload over its cpu budget',
  'group.restarts': 'workload keeps dying',
  'folder.space': 'folder over its quota',
};

function titleOf(event: Event): string {
  const subject = /\[(.+)\]$/.exec(event.metric ?? '')?.[1];
  const words = TITLES[event.signal] ?? event.signal;
  return subject === undefined ? words : `${words}: ${subject}`;
}
