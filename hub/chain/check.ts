import { hubKeys } from '../../broker/roster.ts';
import type { Hub } from '../hub.ts';
import type { Store } from '../store/store.ts';
import { verifyAuditSlowly } from './audit.ts';

/** Records that are checked before a start goes on: some tenth of a second. The rest is checked beside the work. */
export const START_RECORDS = 1_000;

/** What the last whole walk along the audit chain found; readers of the store show it. */
export interface ChainCheck {
  readonly at: number;
  readonly ok: boolean;
  /** Where it is broken, and why; absent where it is not. */
  readonly record?: number;
  readonly why?: string;
}

const CHECK = 'audit_check';

/** The last whole walk, by whichever hub made it; undefined before the first. */
export const lastChainCheck = (store: Store): ChainCheck | undefined => store.meta.get(CHECK) as ChainCheck | undefined;

/** Walks the whole chain once, beside everything else, and leaves what it found in the store. Returns what ends it. */
export function checkChain(hub: Pick<Hub, 'store' | 'roster' | 'log' | 'now'>): () => Promise<void> {
  const { store, log, now } = hub;
  const stop = new AbortController();
  const walk = async () => {
    const finding = await verifyAuditSlowly(store, hubKeys(hub.roster), stop.signal);
    if (finding === null) return;
    if (!finding.ok) log.error(`audit record ${finding.record}: ${finding.why}. Run \`sentinel audit verify\`.`);
    const found: ChainCheck = finding.ok
      ? { at: now(), ok: true }
      : { at: now(), ok: false, record: finding.record, why: finding.why };
    await store.write(() => void store.meta.put(CHECK, found));
  };
  const done = walk().catch((error: unknown) => log.error('could not check the audit chain', { why: String(error) }));
  return () => {
    stop.abort();
    return done;
  };
}
