import { readAudit } from '../chain/audit.ts';
import type { Store } from '../store/store.ts';

/** The numbers of the records about this incident. A record is decoded only where the id stands in it: most are of others. */
export function recordsAbout(store: Store, incident: string): ReadonlySet<number> {
  const found = new Set<number>();
  const id = Buffer.from(incident);
  for (const { key, value } of store.audit.getRange({})) {
    if (
      Buffer.from(value.body.buffer, value.body.byteOffset, value.body.length).includes(id) &&
      readAudit(value).incident === incident
    )
      found.add(key);
  }
  return found;
}
