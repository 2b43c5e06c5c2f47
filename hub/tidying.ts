import type { Hub } from './hub.ts';
import { heldBy } from './store/holds.ts';
import { isOverBytes, type Pruned, pruneIncidents, type Retention } from './store/retention.ts';
import { forgetAlerts } from './webhooks/alerts-known.ts';

/** Nothing grows so fast within an hour that it could not wait. */
const EVERY_MS = 3_600_000;
/** Alerts that are forgotten at a time. */
const ALERTS = 1_000;

/** Takes out what is too old, at the start and once an hour, some at a time beside everything else. Returns what ends it. */
export function tidy(
  hub: Pick<Hub, 'store' | 'key' | 'log' | 'now' | 'correlation'>,
  keep: Retention,
): () => Promise<void> {
  const { store, key, log, now } = hub;
  let isOver = false;
  const round = async () => {
    let pruned = 0;
    for (let from: Pruned['next'] = null; !isOver; ) {
      const { gone, next } = await pruneIncidents(store, key, keep, now(), { held: () => heldBy(hub), from });
      pruned += gone;
      if (next === null) break;
      from = next;
    }
    while (!isOver && (await forgetAlerts(store, now(), ALERTS)) > 0);
    if (pruned > 0) log.info('took out old incidents', { incidents: pruned });
    if (!isOver && isOverBytes(store, keep))
      log.warn('the store is over its budget, and nothing that is left may go: see docs/retention.md', {
        code: 'E_STORE_BUDGET',
        holds: store.usedBytes(),
        budget: keep.bytes,
      });
  };
  let running = Promise.resolve();
  const start = () => {
    running = round().catch((error: unknown) => log.error('could not take out what is old', { why: String(error) }));
  };
  start();
  const timer = setInterval(start, EVERY_MS);
  return () => {
    isOver = true;
    clearInterval(timer);
    return running;
  };
}
