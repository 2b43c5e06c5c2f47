import type { Hub } from './hub.ts';
import { heldBy } from './store/holds.ts';
import { isOverBytes, type Pruned, pruneIncidents, type Retention } from './store/retention.ts';
import { forgetAlerts } from './webhooks/alerts-known.ts';

type Tidied = Pick<Hub, 'store' | 'key' | 'log' | 'now' | 'correlation'>;

/** Nothing grows so fast within an hour that it could not wait. */
const EVERY_MS = 3_600_000;
/** Alerts that are forgotten at a time. */
const ALERTS = 1_000;

/**
 * One round of it: incidents that are past what is kept, and alerts of others that are forgotten; warns of a store that is
 * over its budget all the same. It ends early once `isOver` says so.
 */
export async function tidyOnce(hub: Tidied, keep: Retention, isOver: () => boolean = () => false): Promise<void> {
  const { store, key, log, now } = hub;
  let pruned = 0;
  for (let from: Pruned['next'] = null; !isOver(); ) {
    const { gone, next } = await pruneIncidents(store, key, keep, now(), { held: () => heldBy(hub), from });
    pruned += gone;
    if (next === null) break;
    from = next;
  }
  while (!isOver() && (await forgetAlerts(store, now(), ALERTS)) > 0);
  if (pruned > 0) log.info('took out old incidents', { incidents: pruned });
  if (!isOver() && isOverBytes(store, keep))
    log.warn('the store is over its budget, and nothing that is left may go: see docs/retention.md', {
      code: 'E_STORE_BUDGET',
      holds: store.usedBytes(),
      budget: keep.bytes,
    });
}

/** Takes out what is too old, at the start and once an hour, some at a time beside everything else. Returns what ends it. */
export function tidy(hub: Tidied, keep: Retention): () => Promise<void> {
  const { log } = hub;
  let isOver = false;
  let running = Promise.resolve();
  const start = () => {
    running = tidyOnce(hub, keep, () => isOver).catch((error: unknown) =>
      log.error('could not take out what is old', { why: String(error) }),
    );
  };
  start();
  const timer = setInterval(start, EVERY_MS);
  return () => {
    isOver = true;
    clearInterval(timer);
    return running;
  };
}
