import { encodeCbor } from '../../broker/cbor.ts';
import { openRoster } from '../../broker/roster.ts';
import type { HubState } from '../../broker/states.ts';
import { hubTopic } from '../../broker/topics.ts';

/** What a hub says of itself, retained: agents greet one that has come. */
export function hubState(state: HubState['state'], ts: number): Uint8Array {
  return encodeCbor({ state, ts } satisfies HubState);
}

/**
 * Looks at what is said in the hub's name on a broker that others may use too. A roster of a later epoch, signed by the
 * site root, means that a standby hub has taken over: agents obey it alone, and two hubs must not go on side by side.
 */
export function watchEpoch(
  topic: string,
  payload: Uint8Array,
  root: Uint8Array,
  epoch: number,
  superseded: (why: string) => void,
): void {
  if (topic !== hubTopic('site')) return;
  try {
    const roster = openRoster(payload, root);
    if (roster.epoch > epoch)
      superseded(`another hub has taken over: this one has epoch ${epoch}, that one ${roster.epoch}`);
  } catch {
    // Not signed by the site root: nobody's word.
  }
}
