import type { Store } from '../store/store.ts';

const KEY = 'steady_time';

interface Steady {
  /** Milliseconds that the machine had been up when this was written. */
  readonly uptime: number;
  readonly elapsed: number;
}

/** Steady time as it is now, for a reader beside the hub: writes nothing. See `steadyTime`. */
export function steadyNow(store: Store, uptime: number): number {
  const before = (store.meta.get(KEY) as Steady | undefined) ?? { uptime, elapsed: 0 };
  // Less than before means another boot: all of it has passed since.
  const passed = uptime >= before.uptime ? uptime - before.uptime : uptime;
  return before.elapsed + passed;
}

/**
 * Milliseconds that have passed since the store was made, never more than truly did: budgets are counted by it, since a
 * clock that jumps an hour ahead must not give a budget anew. While the machine is up its uptime tells, also across
 * restarts of the hub; of the time between two boots nothing is counted. Call it inside a transaction.
 */
export function steadyTime(store: Store, uptime: number): number {
  const elapsed = steadyNow(store, uptime);
  void store.meta.put(KEY, { uptime, elapsed } satisfies Steady);
  return elapsed;
}
