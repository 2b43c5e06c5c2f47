import { openFormer, type Signed } from '../../broker/approvals.ts';
import { decodeCbor } from '../../broker/cbor.ts';
import { type Approval, order as orderShape, type Roster } from '../../broker/messages.ts';
import { keysOf } from '../../broker/roster.ts';
import { peek } from '../../broker/signed.ts';
import { NAMESPACES, type Namespace, sshVerifyAny } from '../../broker/sshsig.ts';
import { approvalHash, needsTwo, openSecond, secondShape } from '../../broker/two-person.ts';
import type { Store } from '../store/store.ts';
import { type AuditEntry, readAudit } from './audit.ts';

/** What the approvals in the chain are worth by their own signatures, which no hub can make. */
export interface ApprovalsFound {
  /** Approvals that the operator, or the rule, that they name has signed; of two persons' each counts. */
  readonly good: number;
  /** The first that is not, by its number in the chain; null when all are. */
  readonly first: { readonly record: number; readonly why: string } | null;
}

/** Kinds of records with an approval in it, and who gave it: a person, a person as the first of two, or a rule. */
const APPROVED: ReadonlyMap<string, 'person' | 'first' | 'rule'> = new Map([
  ['plan.approved', 'person'],
  ['plan.approved_first', 'first'],
  ['plan.approved_alone', 'rule'],
]);

/**
 * Checks every approval in the chain against the keys that its operator has had, as the site root vouches for them in the
 * roster: also those of operators who have left since, up to the day when the chain says so. A record must say of its
 * approval what was signed, and once: else an old approval would do for another decision; and where two persons had to
 * agree, two have. The chain itself is taken as verified.
 */
export function verifyApprovals(store: Store, roster: Roster): ApprovalsFound {
  const walk = new Walk(roster);
  for (const { key: record, value } of store.audit.getRange({})) {
    try {
      walk.take(record, readAudit(value));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { good: walk.good, first: { record, why } };
    }
  }
  return { good: walk.good, first: null };
}

class Walk {
  good = 0;
  readonly #roster: Roster;
  readonly #found = new Map<string, number>();
  /** First approvals that wait for the second, by the hash of their bytes. */
  readonly #firsts = new Map<string, { readonly approval: Approval; readonly of: Signed }>();
  #version = 0;
  #twoPerson: Roster['two_person'] | undefined;

  constructor(roster: Roster) {
    this.#roster = roster;
  }

  /** Throws where the record's approval is not what it says. */
  take(record: number, entry: AuditEntry): void {
    if (entry.kind === 'roster.changed') this.#changed(entry);
    if (entry.kind === 'plan.seconded') this.#seconded(entry);
    if (entry.kind === 'order.sent' && this.#firsts.size > 0) this.#checkSent(entry);
    const given = APPROVED.get(entry.kind);
    if (given === undefined) return;
    const signed = signedIn(entry, 'approval');
    const approval = openFormer(signed, this.#roster);
    checkSaid(entry, approval, given !== 'rule');
    if (given !== 'rule') this.#checkDays(signed, approval.by, NAMESPACES.approval);
    const before = this.#found.get(approval.id);
    if (before !== undefined) throw new Error(`its approval stands in record ${before} already`);
    this.#found.set(approval.id, record);
    if (given === 'first') this.#firsts.set(approvalHash(signed.payload), { approval, of: signed });
    else this.#checkAlone(approval);
    this.good++;
  }

  #changed({ data }: AuditEntry): void {
    this.#version = Math.max(this.#version, Number(data['version']));
    // The hub says what an earlier roster asked for; the present one the site root has signed.
    const said = data['two_person'] as Roster['two_person'];
    this.#twoPerson = this.#version >= this.#roster.version ? this.#roster.two_person : said;
  }

  #seconded(entry: AuditEntry): void {
    const signed = signedIn(entry, 'second');
    const { approval: hash } = secondShape(decodeCbor(signed.payload), '');
    const first = this.#firsts.get(hash);
    if (first === undefined) throw new Error('nobody has approved first what it agrees to, or another agreed to it');
    const { by } = openSecond(signed, first, this.#roster, { now: null, tags: null });
    this.#checkDays(signed, by, NAMESPACES.second);
    if (entry.incident !== first.approval.incident)
      throw new Error(`it agrees to an approval for the incident ${first.approval.incident}`);
    if (entry.actor !== by) throw new Error(`the second approval is by ${by}`);
    this.#firsts.delete(hash);
    this.good++;
  }

  #checkSent({ data }: AuditEntry): void {
    const { bytes } = data;
    if (!(bytes instanceof Uint8Array)) throw new Error('there is no order in it');
    const { approval } = orderShape(decodeCbor(peek(bytes)), '');
    const waits = this.#firsts.get(approvalHash(approval))?.approval;
    if (waits !== undefined) throw new Error(`its order rests on ${waits.by} alone, and two persons had to agree`);
  }

  /** Which tags a host had by then the chain does not say, so rules by tag are the agent's alone to ask. */
  #checkAlone(approval: Approval): void {
    const two_person = (this.#twoPerson ?? []).filter(({ where }) => !where.startsWith('tag:'));
    if (needsTwo({ two_person }, approval, null)) throw new Error('two persons had to agree by then');
  }

  /** Whose key was taken off the roster could sign still, and a hub that helps could write it down. */
  #checkDays({ payload, signature }: Signed, by: string, namespace: Namespace): void {
    const former = (this.#roster.former ?? []).filter(({ until }) => until >= this.#version);
    const keys = keysOf({ ...this.#roster, former }, by);
    if (keys.length === 0) throw new Error(`${by} was off the roster by then`);
    sshVerifyAny(payload, signature, namespace, keys);
  }
}

function signedIn({ data }: AuditEntry, name: 'approval' | 'second'): Signed {
  const { [name]: payload, signature } = data;
  if (payload instanceof Uint8Array && signature instanceof Uint8Array) return { payload, signature };
  throw new Error('it has no signature');
}

function checkSaid({ incident, actor }: AuditEntry, approval: Approval, isPersonal: boolean): void {
  const isGiven = approval.alone === undefined;
  if (isGiven !== isPersonal) throw new Error(isGiven ? 'a person has approved it' : 'no person has approved it');
  if (incident !== approval.incident) throw new Error(`its approval is for the incident ${approval.incident}`);
  if (isPersonal && actor !== approval.by) throw new Error(`its approval is by ${approval.by}`);
}
