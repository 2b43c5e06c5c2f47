import type { KeyPair } from '../../broker/keys.ts';
import { type AuditEntry, appendAudit } from '../chain/audit.ts';
import { releaseMembers } from '../correlate/memory.ts';
import { CLOSED, type Incident, type State } from '../incident.ts';
import type { IncidentSummary, Store } from './store.ts';

/** Writes an incident and its indexes inside the caller's transaction. */
export function putIncident(store: Store, incident: Incident): void {
  const at: [number, string] = [incident.opened, incident.id];
  const isMoved = store.summaries.get(at)?.state !== incident.state;
  void store.incidents.put(incident.id, incident);
  void store.summaries.put(at, summary(incident));
  const slot: [string, string] = [incident.host, incident.fingerprint];
  const bySignal: [string, number, string] = [incident.event.signal, incident.opened, incident.id];
  if (CLOSED.has(incident.state)) {
    if (store.active.get(slot) === incident.id) void store.active.remove(slot);
    void store.signals.remove(bySignal);
    releaseMembers(store, incident);
  } else {
    void store.active.put(slot, incident.id);
    void store.signals.put(bySignal, incident.host);
  }
  if (isMoved) entered(store, incident);
}

const enteredKey = (state: State): string => `entered/${state}`;

/** How often incidents came into this state, since the store was made. */
export const timesEntered = (store: Store, state: State): number =>
  (store.meta.get(enteredKey(state)) as number | undefined) ?? 0;

/** Inside the transaction: an incident is in another state than before. */
function entered(store: Store, incident: Incident): void {
  void store.meta.put(enteredKey(incident.state), timesEntered(store, incident.state) + 1);
  store.onState(incident);
}

/** One transition: the incident, its indexes and its audit record, together (docs/design.md section 2). */
export function commitIncident(
  store: Store,
  key: KeyPair,
  next: Incident,
  entry: AuditEntry,
  also: () => void = () => {},
): Promise<void> {
  return store.write(() => {
    putIncident(store, next);
    appendAudit(store, key, entry, next.updated);
    also();
  });
}

export function getIncident(store: Store, id: string): Incident | undefined {
  return store.incidents.get(id);
}

/** The incident that is already open for this trouble on this host. */
export function findActive(store: Store, host: string, fingerprint: string): Incident | undefined {
  const id = store.active.get([host, fingerprint]);
  return id === undefined ? undefined : store.incidents.get(id);
}

/** Newest first. */
export function listIncidents(store: Store, limit: number): IncidentSummary[] {
  return [...store.summaries.getRange({ reverse: true, limit })].map(({ value }) => value);
}

/** Every incident that is not closed, in short. */
export function openSummaries(store: Store): IncidentSummary[] {
  return [...store.signals.getKeys({})].flatMap(([, opened, id]) => store.summaries.get([opened, id]) ?? []);
}

/** Every incident that is not closed: what a starting hub goes on with. */
export function unfinished(store: Store): string[] {
  return [...store.active.getRange({})].map(({ value }) => value);
}

/** Incidents that ended, newest first, whole: memory of what helped. */
export function pastIncidents(store: Store, limit: number): Incident[] {
  const past: Incident[] = [];
  for (const { value } of store.summaries.getRange({ reverse: true, limit })) {
    if (!CLOSED.has(value.state)) continue;
    const incident = store.incidents.get(value.id);
    if (incident !== undefined) past.push(incident);
  }
  return past;
}

function summary(incident: Incident): IncidentSummary {
  const { id, state, severity, host, title, opened, updated, owner } = incident;
  return { id, state, severity, host, title, opened, updated, owner };
}

/** The incident in its next state, with the moment noted. */
export function moved(
  incident: Incident,
  to: State,
  change: { readonly now: number; readonly by: string; readonly note: string; readonly reason?: string },
  patch: Partial<Incident> = {},
): Incident {
  return {
    ...incident,
    ...patch,
    state: to,
    reason: change.reason ?? '',
    updated: change.now,
    timeline: [...incident.timeline, { ts: change.now, state: to, by: change.by, note: change.note }],
  };
}
