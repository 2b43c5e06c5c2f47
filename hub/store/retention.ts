import type { KeyPair } from '../../broker/keys.ts';
import { appendAudit } from '../chain/audit.ts';
import { CLOSED } from '../incident.ts';
import type { IncidentSummary, Store } from './store.ts';

/** How long closed incidents stay. Open ones always do, those that are on hold, and every record of the audit chain. */
export interface Retention {
  /** Milliseconds since an incident last changed. */
  readonly age: number;
  /** Incidents in the store, open and closed; past these the oldest closed ones go whatever their age. */
  readonly most: number;
  /** Bytes that the store's content may take; past these the oldest closed incidents go whatever their age. */
  readonly bytes: number;
}

const DAY_MS = 86_400_000;
/**
 * Thirteen months: a year to look back upon. Twice as many incidents as the figures of a large site are taken with. A
 * quarter of the address space that the store has: what comes within an hour fits beside it.
 */
export const DEFAULT_RETENTION: Retention = { age: 400 * DAY_MS, most: 200_000, bytes: 16 * 2 ** 30 };

/** Incidents in the store: LMDB keeps the count, so that asking costs the same however many there are. */
export const countIncidents = (store: Store): number =>
  (store.incidents.getStats() as { entryCount: number }).entryCount;

/** Incidents that are looked at, oldest first, and taken out in one transaction: the writer is the pipeline's too. */
const LOOKED_AT = 2_000;
const AT_ONCE = 200;

const PRUNED = 'pruned_incidents';
/** How many incidents were taken out since the store was made. */
export const prunedIncidents = (store: Store): number => (store.meta.get(PRUNED) as number | undefined) ?? 0;

/** Whether the store holds more than it may; with no closed incident left it stays so, by the chain and open ones. */
export const isOverBytes = (store: Store, { bytes }: Retention): boolean => store.usedBytes() > bytes;

/** What one transaction took out, and behind which incident there may be more; null when there is none. */
export interface Pruned {
  readonly gone: number;
  readonly next: SummaryKey | null;
}
type SummaryKey = [opened: number, id: string];

/**
 * Takes out closed incidents that nobody holds, those that opened first before the others, with all that the store keeps of
 * them alone; the audit chain keeps its records of them and gets one that names what went. `from` is where the last call
 * ended.
 */
export function pruneIncidents(
  store: Store,
  key: KeyPair,
  keep: Retention,
  now: number,
  {
    held = () => () => false,
    from = null,
  }: { readonly held?: () => (id: string) => boolean; readonly from?: SummaryKey | null } = {},
): Promise<Pruned> {
  return store.write(() => {
    // Asked here: a hold that was answered counts, whenever it came.
    const isHeld = held();
    // How many have to go for the bytes is seen from one transaction to the next.
    let over = Math.max(countIncidents(store) - keep.most, isOverBytes(store, keep) ? AT_ONCE : 0);
    const gone: IncidentSummary[] = [];
    let looked = 0;
    let next: SummaryKey | null = null;
    for (const { key: at, value } of store.summaries.getRange(from === null ? {} : { start: from })) {
      if (gone.length >= AT_ONCE || looked >= LOOKED_AT) {
        next = at;
        break;
      }
      // None that opened later can be past its age.
      if (over <= 0 && now - value.opened <= keep.age) break;
      looked++;
      if (!CLOSED.has(value.state) || (over <= 0 && now - value.updated <= keep.age) || isHeld(value.id)) continue;
      gone.push(value);
      over--;
    }
    for (const { id, opened } of gone) {
      void store.incidents.remove(id);
      void store.summaries.remove([opened, id]);
      for (const member of [...store.members.getKeys({ start: [id, ''], end: [id, '\uffff'] })]) {
        void store.members.remove(member);
      }
    }
    if (gone.length > 0) {
      void store.meta.put(PRUNED, prunedIncidents(store) + gone.length);
      const data = { incidents: gone.map(({ id }) => id) };
      appendAudit(store, key, { kind: 'retention.pruned', incident: null, actor: 'hub', data }, now);
    }
    return { gone: gone.length, next };
  });
}
