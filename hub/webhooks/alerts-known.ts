import { trackOf } from '../correlate/memory.ts';
import { findActive } from '../store/incidents.ts';
import type { Store } from '../store/store.ts';
import type { Alert } from './alert.ts';
import { fingerprintOf } from './event.ts';

/** What was last heard of an alert. */
export interface KnownAlert {
  /** Which firing it was, and whom it was about: an agent that is enrolled meanwhile does not move what is open. */
  readonly starts: number;
  readonly isFiring: boolean;
  readonly subject: string;
  readonly at: number;
}

/** A source says again what goes on within hours: what was not heard for so long is forgotten. */
const KEPT_MS = 14 * 24 * 3_600_000;

/** `take`: it is news, or a repeat of what is open. `known`: nothing of it is new. */
export type Novelty = 'take' | 'known';

/**
 * Whether an alert says something new. A firing is named by fingerprint and start: whoever has closed its incident is
 * not asked again each time that the source repeats it. A firing that is heard after its own end is taken, since a
 * source that was started anew goes on with the old start.
 */
export function noveltyOf(store: Store, alert: Alert): Novelty {
  const known = knownOf(store, alert);
  if (known === undefined) return alert.isFiring ? 'take' : 'known';
  if (alert.starts < known.starts) return 'known';
  if (!alert.isFiring) return known.isFiring ? 'take' : 'known';
  const isSameFiring = known.isFiring && alert.starts === known.starts;
  const isFollowed = () => isOpen(store, known.subject, fingerprintOf(alert.source, alert.fingerprint));
  return isSameFiring && !isFollowed() ? 'known' : 'take';
}

export const knownOf = (store: Store, { source, fingerprint }: Alert): KnownAlert | undefined =>
  store.alerts.get([source, fingerprint]);

/** It has an open incident, belongs to one, or is held or silenced: repeats count there. */
function isOpen(store: Store, subject: string, fingerprint: string): boolean {
  if (findActive(store, subject, fingerprint) !== undefined) return true;
  const { joined, muted, held } = trackOf(store, subject, fingerprint);
  return joined !== null || muted !== null || held.length > 0;
}

/** Inside a transaction: this was heard. */
export function putKnown(store: Store, { source, fingerprint, starts, isFiring }: Alert, subject: string, now: number) {
  void store.alerts.put([source, fingerprint], { starts, isFiring, subject, at: now });
}

/** Forgets what was not heard for a long time, at most `limit` of it; answers how many that were. */
export async function forgetAlerts(store: Store, now: number, limit: number): Promise<number> {
  const old: [string, string][] = [];
  for (const { key, value } of store.alerts.getRange({})) {
    if (now - value.at > KEPT_MS) old.push(key);
    if (old.length >= limit) break;
  }
  if (old.length === 0) return 0;
  await store.write(() => {
    // It may have been heard again meanwhile.
    for (const key of old) if (now - (store.alerts.get(key)?.at ?? 0) > KEPT_MS) void store.alerts.remove(key);
  });
  return old.length;
}

/** A repeat says that the source still tells of it: noted once in so long, so that it is not forgotten. */
const HEARD_EVERY_MS = 24 * 3_600_000;

/** Notes that an alert of which nothing is new was heard again. */
export async function heardAgain(store: Store, alert: Alert, now: number): Promise<void> {
  const known = knownOf(store, alert);
  if (known === undefined || now - known.at < HEARD_EVERY_MS) return;
  await store.write(() => void store.alerts.put([alert.source, alert.fingerprint], { ...known, at: now }));
}
