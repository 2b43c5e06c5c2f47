import { openFormer } from '../../broker/approvals.ts';
import type { Roster } from '../../broker/messages.ts';
import type { Store } from '../store/store.ts';
import { readAudit } from './audit.ts';

/** What the approvals in the chain are worth by their own signatures, which no hub can make. */
export interface ApprovalsFound {
  /** Approvals that the operator, or the rule, that they name has signed. */
  readonly good: number;
  /** The first that is not, by its number in the chain; null when all are. */
  readonly first: { readonly record: number; readonly why: string } | null;
}

const APPROVED: ReadonlySet<string> = new Set(['plan.approved', 'plan.approved_alone']);

/**
 * Checks every approval in the chain against the keys that its operator has had, as the site root vouches for them in the
 * roster: also those of operators who have left since. The chain itself is taken as verified.
 */
export function verifyApprovals(store: Store, roster: Roster): ApprovalsFound {
  let good = 0;
  for (const { key: record, value } of store.audit.getRange({})) {
    const { kind, data } = readAudit(value);
    if (!APPROVED.has(kind)) continue;
    const { approval: payload, signature } = data;
    try {
      if (!(payload instanceof Uint8Array) || !(signature instanceof Uint8Array))
        throw new Error('it has no signature');
      openFormer({ payload, signature }, roster);
      good++;
    } catch (error) {
      return { good, first: { record, why: error instanceof Error ? error.message : String(error) } };
    }
  }
  return { good, first: null };
}
