import type { Store } from '../store/store.ts';

const HUB_TIME = 'hub_time';

/** The hub's time as it signs it: it never goes back, whatever the clock does. Call it inside a transaction. */
export function hubTime(store: Store, clock: number): number {
  const now = Math.max(clock, (store.meta.get(HUB_TIME) as number | undefined) ?? 0);
  void store.meta.put(HUB_TIME, now);
  return now;
}
