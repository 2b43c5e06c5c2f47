import { CLOCKS_FROM, HUB_AHEAD_MS } from '../../broker/clock-bounds.ts';
import type { Store } from '../store/store.ts';

const HUB_TIME = 'hub_time';

/**
 * The hub's time as it signs it: it never goes back, whatever the clock does. But where the clock was mended by more than
 * any agent with a clock of its own believes the hub, it is the clock's again: to go on in that far day would be to be
 * believed no more. What agents have believed stays with them. Call it inside a transaction.
 */
export function hubTime(store: Store, clock: number): number {
  const told = (store.meta.get(HUB_TIME) as number | undefined) ?? 0;
  const isMended = clock >= CLOCKS_FROM && told > clock + HUB_AHEAD_MS;
  const now = isMended ? clock : Math.max(clock, told);
  void store.meta.put(HUB_TIME, now);
  return now;
}
