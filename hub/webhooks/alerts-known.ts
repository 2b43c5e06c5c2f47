import { trackOf } from '../correlate/memory.ts';
import { findActive } from '../store/incidents.ts';
import type { Store } from '../store/store.ts';
import { type Alert, SOURCES } from './alert.ts';
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
export function forgetAlerts(store: Store, now: number, limit: number): Promise<number> {
  return store.write(() => {
    const old = SOURCES.flatMap((source) =>
      [...store.alerts.getRange({ start: [source, ''], end: [source, '\uffff'] })].filter(
        ({ value }) => now - value.at > KEPT_MS,
      ),
    ).slice(0, limit);
    for (const { key } of old) void store.alerts.remove(key);
    return old.length;
  });
}
