import { createHash } from 'node:crypto';
import { ApprovalError, openApproval, type Signed } from './approvals.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';
import type { Approval, Roster } from './messages.ts';
import { keysOf } from './roster.ts';
import { covers } from './scopes.ts';
import { type Infer, int, oneOf, pattern, record, text } from './shape.ts';
import { NAMESPACES, type Namespace, sshVerify, sshVerifyAny } from './sshsig.ts';
import { ID } from './topics.ts';

/**
 * What the second of two persons signs: the very bytes that the first has signed, by their hash. It is worth nothing by
 * itself and with no other approval, so that two persons' word for one plan lets it run once.
 */
export const secondShape = record({
  site: pattern(ID, 'an id'),
  incident: pattern(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'a ULID'),
  host: pattern(ID, 'an id'),
  /** SHA-256 of the first approval's bytes. */
  approval: pattern(/^[0-9a-f]{64}$/, '64 hex digits'),
  by: text(128),
  role: oneOf('approver', 'admin'),
  not_after: int(0, 8_640_000_000_000_000),
});
export type Second = Infer<typeof secondShape>;

/** All that stands behind an order: an approval, and where two persons must agree the second one's word. */
export interface Decision extends Signed {
  readonly second?: Signed;
}

export const approvalHash = (payload: Uint8Array): string => createHash('sha256').update(payload).digest('hex');

/** The second's words for an approval that was opened. */
export const secondOf = (
  { payload }: Signed,
  { site, incident, host }: Approval,
  signer: Pick<Second, 'by' | 'role' | 'not_after'>,
): Second => ({ site, incident, host, approval: approvalHash(payload), ...signer });

/** Has the second's words signed: `sign` makes the SSHSIG blob with the operator's key, wherever that is. */
export async function signSecond(
  second: Second,
  sign: (message: Uint8Array, namespace: Namespace) => Promise<Uint8Array>,
): Promise<Signed> {
  const payload = encodeCbor(second);
  return { payload, signature: await sign(payload, NAMESPACES.second) };
}

/**
 * Whether this plan needs two persons here. A restriction holds where it is not known that it does not: for a host whose
 * tags are not known, and under a scope of a kind that is not known.
 */
export function needsTwo(
  { two_person = [] }: { readonly two_person?: Roster['two_person'] | undefined },
  { host, reviewed }: Pick<Approval, 'host' | 'reviewed'>,
  tags: readonly string[] | null,
): boolean {
  return two_person.some(({ where, plans }) => (plans === 'all' || reviewed.length > 0) && mayCover(where, host, tags));
}

function mayCover(where: string, host: string, tags: readonly string[] | null): boolean {
  if (where.startsWith('host:')) return where === `host:${host}`;
  if (where.startsWith('tag:')) return tags === null || tags.includes(where.slice('tag:'.length));
  return true;
}

/**
 * The approval, if everyone whose agreement the roster asks for has given it and none of it has lapsed at `now`; null asks
 * only who signed it then, as openApproval does. Hub and agent each ask this, about every order. Throws ApprovalError,
 * RuleError, SignatureError or ShapeError.
 */
export function openDecision(
  decision: Decision,
  roster: Roster,
  now: number | null,
  tags: readonly string[] | null = null,
): Approval {
  const approval = openApproval(decision, roster, now, tags);
  if (decision.second !== undefined) openSecond(decision.second, { approval, of: decision }, roster, { now, tags });
  else if (now !== null && needsTwo(roster, approval, tags))
    throw new ApprovalError(
      'E_APPROVAL_SECOND',
      approval.alone === undefined
        ? `two persons must agree to this on ${approval.host}, and ${approval.by} alone has`
        : `two persons must agree to whatever runs on ${approval.host}: nothing does with nobody there`,
    );
  return approval;
}

/** The second's words, if another person than the first has signed them for this very approval. Throws as openDecision. */
export function openSecond(
  { payload, signature }: Signed,
  first: { readonly approval: Approval; readonly of: Signed },
  roster: Roster,
  at: { readonly now: number | null; readonly tags: readonly string[] | null },
): Second {
  const second = secondShape(decodeCbor(payload), '');
  const { approval, of } = first;
  // A rule that a person signed once, and the hub's key: with one person more that would still be one who was there.
  if (approval.alone !== undefined)
    throw new ApprovalError('E_APPROVAL_SECOND', 'nobody has approved first: a rule is no person');
  const { by, role, host, incident, site } = second;
  const isOfIt =
    second.approval === approvalHash(of.payload) &&
    site === approval.site &&
    host === approval.host &&
    incident === approval.incident;
  if (!isOfIt) throw new ApprovalError('E_APPROVAL_SECOND', `${by} has agreed to another approval`);
  if (by === approval.by)
    throw new ApprovalError('E_APPROVAL_SECOND', `${by} has approved already: another must agree`);
  if (at.now === null) {
    sshVerifyAny(payload, signature, NAMESPACES.second, keysOf(roster, by));
    return second;
  }
  const operator = roster.operators.find(({ name }) => name === by);
  if (operator === undefined) throw new ApprovalError('E_APPROVAL_OPERATOR', `${by} is not on the roster`);
  sshVerify(payload, signature, NAMESPACES.second, operator.key, operator.sk);
  // A roster that was signed by hand may give two names one key, and they are one person.
  const other = roster.operators.find(({ name }) => name === approval.by);
  if (other !== undefined && Buffer.from(other.key).equals(operator.key))
    throw new ApprovalError('E_APPROVAL_SECOND', `${by} and ${approval.by} have one key: another must agree`);
  if (operator.role === 'viewer' || operator.role !== role)
    throw new ApprovalError('E_APPROVAL_ROLE', `${by} is ${operator.role} and may not approve as ${role}`);
  if (!covers(operator, host, at.tags))
    throw new ApprovalError('E_APPROVAL_SCOPE', `${by} may not approve for ${host}`);
  if (second.not_after <= at.now)
    throw new ApprovalError('E_APPROVAL_EXPIRED', `the second approval, by ${by}, has lapsed`);
  return second;
}

/** Who stands behind a decision that was opened, by name. */
export const signersOf = ({ second }: Decision, { by }: Approval): readonly string[] =>
  second === undefined ? [by] : [by, secondShape(decodeCbor(second.payload), '').by];
