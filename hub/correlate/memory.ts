import type { Event, Severity } from '../../broker/messages.ts';
import type { Incident } from '../incident.ts';
import type { Store } from '../store/store.ts';

/** An event of another fingerprint that an incident covers: one cause, one incident. */
export interface Member {
  readonly host: string;
  readonly fingerprint: string;
  readonly signal: string;
  readonly severity: Severity;
  readonly reason: string;
  /** Why it belongs here. */
  readonly why: JoinReason;
  readonly since: number;
  readonly last_seen: number;
  readonly repeats: number;
  /** When its source said that it is back to normal. */
  readonly recovered: number | null;
}

/** `family`: another sign of the same on one host; `dependency`: its host needs that one; `site`: the same on many hosts. */
export type JoinReason = 'family' | 'dependency' | 'site' | 'inhibited';

/** What the hub remembers of one fingerprint on one host, beside the incident that is open for it. */
export interface Track {
  /** When incidents opened for it, oldest first, for flapping. */
  readonly opened: readonly number[];
  /** Events that did not yet open an incident, oldest first. */
  readonly held: readonly number[];
  /** The incident of another fingerprint that covers it. */
  readonly joined: string | null;
  /** The suppressed incident in which repeats under a silence are counted. */
  readonly muted: { readonly incident: string; readonly silence: string; readonly repeats: number } | null;
}

const NOTHING: Track = { opened: [], held: [], joined: null, muted: null };
/** As many openings or held events as any rule may ask for. */
const KEPT = 100;

export const trackOf = (store: Store, host: string, fingerprint: string): Track =>
  store.tracks.get([host, fingerprint]) ?? NOTHING;

/** Inside a transaction: keeps what changed; a track that says nothing is removed. */
export function putTrack(store: Store, host: string, fingerprint: string, change: Partial<Track>): void {
  const next = { ...trackOf(store, host, fingerprint), ...change };
  const kept = { ...next, opened: next.opened.slice(-KEPT), held: next.held.slice(-KEPT) };
  const isEmpty = kept.opened.length + kept.held.length === 0 && kept.joined === null && kept.muted === null;
  if (isEmpty) void store.tracks.remove([host, fingerprint]);
  else void store.tracks.put([host, fingerprint], kept);
}

/** Inside a transaction: the incident covers this event from now on. */
export function addMember(store: Store, id: string, event: Event, why: JoinReason, now: number): void {
  const { agent: host, fingerprint, signal, severity, reason } = event;
  const member: Member = {
    host,
    fingerprint,
    signal,
    severity,
    reason,
    why,
    since: now,
    last_seen: now,
    repeats: 0,
    recovered: null,
  };
  void store.members.put([id, host, fingerprint], member);
  putTrack(store, host, fingerprint, { joined: id, held: [] });
}

/** Inside a transaction: the covered event was seen again, or its source recovered. */
export function markMember(store: Store, id: string, event: Event, now: number): void {
  const key: [string, string, string] = [id, event.agent, event.fingerprint];
  const known = store.members.get(key);
  if (known === undefined) return;
  const again = event.kind === 'anomaly';
  const repeats = known.repeats + (again ? 1 : 0);
  void store.members.put(key, { ...known, last_seen: now, repeats, recovered: again ? null : now });
}

/** What an incident covers beside its own event, by host. */
export function membersOf(store: Store, id: string, limit = 1_000): readonly Member[] {
  return [...store.members.getRange({ start: [id, ''], end: [id, '\uffff'], limit })].map(({ value }) => value);
}

/** True while something that the incident covers has not recovered. */
export function hasOpenMember(store: Store, id: string): boolean {
  for (const { value } of store.members.getRange({ start: [id, ''], end: [id, '\uffff'] })) {
    if (value.recovered === null) return true;
  }
  return false;
}

/** Inside a transaction: a closed incident covers nothing any more; its members stay on record. */
export function releaseMembers(store: Store, incident: Incident): void {
  const { id } = incident;
  for (const { value } of store.members.getRange({ start: [id, ''], end: [id, '\uffff'] })) {
    if (trackOf(store, value.host, value.fingerprint).joined === id) {
      putTrack(store, value.host, value.fingerprint, { joined: null });
    }
  }
}
