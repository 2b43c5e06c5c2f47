import { openFormer, type Signed } from '../../broker/approvals.ts';
import type { Approval, Roster } from '../../broker/messages.ts';
import { keysOf } from '../../broker/roster.ts';
import { NAMESPACES, sshVerifyAny } from '../../broker/sshsig.ts';
import type { Store } from '../store/store.ts';
import { type AuditEntry, readAudit } from './audit.ts';

/** What the approvals in the chain are worth by their own signatures, which no hub can make. */
export interface ApprovalsFound {
  /** Approvals that the operator, or the rule, that they name has signed. */
  readonly good: number;
  /** The first that is not, by its number in the chain; null when all are. */
  readonly first: { readonly record: number; readonly why: string } | null;
}

/** Kinds of records with an approval in it, and whether a person gave it. */
const APPROVED: ReadonlyMap<string, boolean> = new Map([
  ['plan.approved', true],
  ['plan.approved_alone', false],
]);

/**
 * Checks every approval in the chain against the keys that its operator has had, as the site root vouches for them in the
 * roster: also those of operators who have left since, up to the day when the chain says so. A record must say of its
 * approval what was signed, and once: else an old approval would do for another decision. The chain itself is taken as
 * verified.
 */
export function verifyApprovals(store: Store, roster: Roster): ApprovalsFound {
  const found = new Map<string, number>();
  let version = 0;
  for (const { key: record, value } of store.audit.getRange({})) {
    try {
      const entry = readAudit(value);
      if (entry.kind === 'roster.changed') version = Math.max(version, Number(entry.data['version']));
      const isPersonal = APPROVED.get(entry.kind);
      if (isPersonal === undefined) continue;
      const signed = signedIn(entry);
      const approval = openFormer(signed, roster);
      checkSaid(entry, approval, isPersonal);
      if (isPersonal) checkDays(signed, approval, roster, version);
      const before = found.get(approval.id);
      if (before !== undefined) throw new Error(`its approval stands in record ${before} already`);
      found.set(approval.id, record);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { good: found.size, first: { record, why } };
    }
  }
  return { good: found.size, first: null };
}

function signedIn({ data }: AuditEntry): Signed {
  const { approval: payload, signature } = data;
  if (payload instanceof Uint8Array && signature instanceof Uint8Array) return { payload, signature };
  throw new Error('it has no signature');
}

/** Whose key was taken off the roster could sign still, and a hub that helps could write it down. */
function checkDays({ payload, signature }: Signed, { by }: Approval, roster: Roster, version: number): void {
  const former = (roster.former ?? []).filter(({ until }) => until >= version);
  const keys = keysOf({ ...roster, former }, by);
  if (keys.length === 0) throw new Error(`${by} was off the roster by then`);
  sshVerifyAny(payload, signature, NAMESPACES.approval, keys);
}

function checkSaid({ incident, actor }: AuditEntry, approval: Approval, isPersonal: boolean): void {
  const isGiven = approval.alone === undefined;
  if (isGiven !== isPersonal) throw new Error(isGiven ? 'a person has approved it' : 'no person has approved it');
  if (incident !== approval.incident) throw new Error(`its approval is for the incident ${approval.incident}`);
  if (isPersonal && actor !== approval.by) throw new Error(`its approval is by ${approval.by}`);
}
