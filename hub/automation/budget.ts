import type { Store } from '../store/store.ts';
import { steadyTime } from './steady-time.ts';

/** Budgets are of an hour. */
export const BUDGET_MS = 3_600_000;

/**
 * Takes one plan out of a host's budget of this hour, in a transaction of its own: of two that ask at once, the second
 * sees the first. A plan that has taken it once, before a crash for instance, does not take it again. Answers how many
 * plans ran alone before it within the hour, or null when the budget is used up.
 */
export function spend(
  store: Store,
  asked: {
    readonly host: string;
    readonly plan: string;
    readonly perHour: number;
    /** Hosts on which plans may run within an hour, this one among them; absent: any number. */
    readonly hosts?: number | undefined;
    readonly uptime: number;
  },
): Promise<number | null> {
  const { host, plan, perHour, hosts, uptime } = asked;
  return store.write(() => {
    const now = steadyTime(store, uptime);
    const spent = [...store.alone.getRange({ start: [host, ''], end: [host, '\uffff'] })];
    for (const { key, value } of spent) if (value <= now - BUDGET_MS) void store.alone.remove(key);
    const within = spent.filter(({ value }) => value > now - BUDGET_MS);
    const others = within.filter(({ key }) => key[1] !== plan).length;
    if (within.length > others) return others;
    if (others >= perHour) return null;
    if (hosts !== undefined && hostsWithin(store, now).add(host).size > hosts) return null;
    void store.alone.put([host, plan], now);
    return others;
  });
}

/** The hosts on which plans ran alone within the hour. */
function hostsWithin(store: Store, now: number): Set<string> {
  const hosts = new Set<string>();
  for (const { key, value } of store.alone.getRange({})) if (value > now - BUDGET_MS) hosts.add(key[0]);
  return hosts;
}
