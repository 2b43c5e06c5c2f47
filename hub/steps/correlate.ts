import { type Event, SEVERITIES, type Severity } from '../../broker/messages.ts';
import { ulid } from '../../broker/ulid.ts';
import { appendAudit } from '../chain/audit.ts';
import { coveredBy, type Decision, decide } from '../correlate/decide.ts';
import { addMember, hasOpenMember, markMember, putTrack, trackOf } from '../correlate/memory.ts';
import { titleOf } from '../correlate/titles.ts';
import type { Hub } from '../hub.ts';
import type { Incident, State } from '../incident.ts';
import { commitIncident, findActive, getIncident, moved, putIncident } from '../store/incidents.ts';

/** The incident that this event is about by itself, if it is open. */
export function joins(hub: Hub, event: Event): Incident | undefined {
  return findActive(hub.store, event.agent, event.fingerprint);
}

/** What has to happen to other incidents after an event was stored; each in its own turn. */
export interface Correlated {
  /** The incident that goes on, if any. */
  readonly wake: string | null;
  /** The incident that the event belongs to, where others may now belong to it as well. */
  readonly into: string | null;
  /** Open incidents that are now part of it. */
  readonly absorb: readonly string[];
  /** It covers something worse than itself. */
  readonly raise: Severity | null;
}

const NOTHING: Correlated = { wake: null, into: null, absorb: [], raise: null };

/**
 * Opens an incident, counts a repeat, adds the event to an incident that covers it, holds it or mutes it; stores the
 * outcome, its audit record and `handled` in one transaction. The caller holds the turn of the event's own incident.
 */
export async function correlate(hub: Hub, event: Event, handled: () => void): Promise<Correlated> {
  const active = joins(hub, event);
  if (active !== undefined) return followed(hub, event, active, handled);
  return event.kind === 'anomaly' ? appeared(hub, event, handled) : passed(hub, event, handled);
}

/** The event's own incident is open: a repeat, or the news that its source is back to normal. */
async function followed(hub: Hub, event: Event, active: Incident, handled: () => void): Promise<Correlated> {
  const now = hub.now();
  const entry = { incident: active.id, actor: event.agent, data: { reason: event.reason } };
  if (event.kind === 'anomaly') {
    const { recovered: _, ...going } = active;
    const repeated = { ...going, repeats: active.repeats + 1, last_seen: event.ts, updated: now };
    await commitIncident(hub.store, hub.key, repeated, { kind: 'incident.repeated', ...entry }, handled);
  } else {
    const note = { ts: now, state: active.state, by: event.agent, note: `recovered: ${event.reason}` };
    const timeline = [...active.timeline, note];
    const recovered = { ...active, recovered: now, last_seen: event.ts, updated: now, timeline };
    await commitIncident(hub.store, hub.key, recovered, { kind: 'incident.recovered', ...entry }, handled);
  }
  return { ...NOTHING, wake: active.id };
}

/** A recovery of something that has no incident of its own: covered by another, muted, or never opened. */
function passed(hub: Hub, event: Event, handled: () => void): Promise<Correlated> {
  const { store } = hub;
  return store.write(() => {
    handled();
    const { joined } = trackOf(store, event.agent, event.fingerprint);
    putTrack(store, event.agent, event.fingerprint, { held: [], muted: null });
    if (joined === null) return NOTHING;
    markMember(store, joined, event, hub.now());
    appendAudit(store, hub.key, about(event, 'incident.member_recovered', joined), hub.now());
    return hasOpenMember(store, joined) ? NOTHING : { ...NOTHING, wake: joined };
  });
}

/** Decides and carries out in one transaction: of two events that come together, the second sees the first. */
async function appeared(hub: Hub, event: Event, handled: () => void): Promise<Correlated> {
  const { store } = hub;
  const now = hub.now();
  const { agent: host, fingerprint } = event;
  const { decision, incident } = await store.write(() => {
    handled();
    // Another event may have opened it since the caller looked.
    const own = findActive(store, host, fingerprint);
    const decision: Decision =
      own === undefined ? decide(store, event, hub.correlation, now) : { kind: 'repeat', incident: own.id };
    const incident = own === undefined ? carryOut(hub, event, decision, now) : null;
    return { decision, incident };
  });
  if (incident !== null) {
    hub.log.info(`${incident.state}  ${incident.title}`, { incident: incident.id, host: incident.host });
  }
  if (decision.kind === 'open' && incident !== null) {
    const absorb = coveredBy(store, incident, 'dependency', hub.correlation, now);
    return { wake: incident.id, into: incident.id, absorb, raise: null };
  }
  if (decision.kind !== 'join') return NOTHING;
  const root = getIncident(store, decision.incident);
  if (root === undefined) return NOTHING;
  const absorb = decision.why === 'site' ? coveredBy(store, root, 'site', hub.correlation, now) : [];
  // What the whole site has would fill the log.
  if (decision.why !== 'site')
    hub.log.info(`joined  ${titleOf(event)}`, { incident: root.id, host, why: decision.why });
  const worse = rank(event.severity) > rank(root.severity);
  return { wake: null, into: root.id, absorb, raise: worse ? event.severity : null };
}

/** Inside the transaction. Answers the incident that was made, open or suppressed, or null. */
function carryOut(hub: Hub, event: Event, decision: Decision, now: number): Incident | null {
  const { store, key } = hub;
  const { agent: host, fingerprint } = event;
  switch (decision.kind) {
    case 'open': {
      const { opened: before } = trackOf(store, host, fingerprint);
      const recurrence = before.filter((at) => at > now - RECURRENCE_MS).length + 1;
      const incident = opened(event, now, decision.flapping, recurrence);
      putTrack(store, host, fingerprint, { opened: [...before, now], held: [], muted: null });
      putIncident(store, incident);
      appendAudit(store, key, about(event, 'incident.opened', incident.id), now);
      return incident;
    }
    case 'mute': {
      const { id: silence, by, note } = decision.silence;
      const first = opened(event, now, false);
      const words = `silenced by ${by}${note === '' ? '' : `: ${note}`}`;
      const incident = moved(first, 'suppressed', { now, by: 'hub', note: words, reason: 'silenced' });
      putTrack(store, host, fingerprint, { held: [], muted: { incident: incident.id, silence, repeats: 0 } });
      putIncident(store, incident);
      appendAudit(store, key, about(event, 'incident.silenced', incident.id), now);
      return incident;
    }
    case 'join':
      addMember(store, decision.incident, event, decision.why, now);
      appendAudit(store, key, about(event, 'incident.joined', decision.incident), now);
      return null;
    case 'repeat':
      markMember(store, decision.incident, event, now);
      return null;
    case 'muted':
      putTrack(store, host, fingerprint, { muted: { ...decision.track, repeats: decision.track.repeats + 1 } });
      return null;
    case 'hold': {
      const { held } = trackOf(store, host, fingerprint);
      putTrack(store, host, fingerprint, { held: [...held, now] });
      appendAudit(store, key, about(event, 'event.held', null), now);
      return null;
    }
    default:
      return decision satisfies never;
  }
}

/** States in which nothing has been set in motion for an incident: it can become a part of another. */
const ABSORBABLE: ReadonlySet<State> = new Set(['open', 'diagnosing', 'proposed', 'expired', 'escalated']);

/** Makes an open incident a part of another one, unless something was set in motion for it. The caller holds its turn. */
export async function absorb(hub: Hub, id: string, into: string): Promise<void> {
  const { store, key } = hub;
  const incident = getIncident(store, id);
  if (incident === undefined || !ABSORBABLE.has(incident.state)) return;
  const now = hub.now();
  const change = { now, by: 'hub', note: `part of ${into}`, reason: 'grouped' };
  const audit = { kind: 'incident.grouped', incident: id, actor: 'hub', data: { into } };
  await commitIncident(store, key, moved(incident, 'suppressed', change), audit, () =>
    addMember(store, into, incident.event, 'site', now),
  );
}

/** An incident that covers something worse is as severe. The caller holds its turn. */
export async function raise(hub: Hub, id: string, severity: Severity): Promise<void> {
  const incident = getIncident(hub.store, id);
  if (incident === undefined || rank(incident.severity) >= rank(severity)) return;
  const audit = { kind: 'incident.raised', incident: id, actor: 'hub', data: { severity } };
  await commitIncident(hub.store, hub.key, { ...incident, severity, updated: hub.now() }, audit);
}

const rank = (severity: Severity): number => SEVERITIES.indexOf(severity);

const about = ({ agent, fingerprint, reason, severity }: Event, kind: string, incident: string | null) => ({
  kind,
  incident,
  actor: agent,
  data: { fingerprint, reason, severity },
});

/** How far back the same trouble counts as the same: a month, as people count. */
const RECURRENCE_MS = 30 * 24 * 3_600_000;

function opened(event: Event, now: number, flapping: boolean, recurrence = 1): Incident {
  const title = titleOf(event);
  return {
    id: ulid(now),
    state: 'open',
    reason: '',
    host: event.agent,
    title: flapping ? `comes and goes: ${title}` : title,
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
    ...(flapping ? { flapping } : {}),
    ...(recurrence > 1 ? { recurrence } : {}),
  };
}
