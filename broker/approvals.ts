import { decodeCbor, encodeCbor } from './cbor.ts';
import type { KeyPair } from './keys.ts';
import { type Approval, approval as approvalShape, type Roster } from './messages.ts';
import { NAMESPACES, sshSign, sshVerify } from './sshsig.ts';

/** Why an approval is worth nothing: the same codes at the hub, which refuses it, and at the agent, which checks again. */
export class ApprovalError extends Error {
  readonly code: 'E_APPROVAL_OPERATOR' | 'E_APPROVAL_ROLE' | 'E_APPROVAL_EXPIRED' | 'E_APPROVAL_SITE';
  constructor(code: ApprovalError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export interface Signed {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** Signs an approval as an operator: SSHSIG over the payload's very bytes. */
export function signApproval(approval: Approval, operator: KeyPair): Signed {
  const payload = encodeCbor(approval);
  return { payload, signature: sshSign(payload, NAMESPACES.approval, operator) };
}

/**
 * The approval, if an operator on the roster who may approve signed it and it has not lapsed at `now`; null does not
 * ask, for what only checks or undoes what began in time. Throws ApprovalError, SignatureError or ShapeError.
 */
export function openApproval({ payload, signature }: Signed, roster: Roster, now: number | null): Approval {
  const approval = approvalShape(decodeCbor(payload), '');
  const operator = roster.operators.find((one) => one.name === approval.by);
  if (operator === undefined) throw new ApprovalError('E_APPROVAL_OPERATOR', `${approval.by} is not on the roster`);
  sshVerify(payload, signature, NAMESPACES.approval, operator.key);
  if (operator.role === 'viewer' || operator.role !== approval.role) {
    throw new ApprovalError(
      'E_APPROVAL_ROLE',
      `${approval.by} is ${operator.role} and may not approve as ${approval.role}`,
    );
  }
  if (approval.site !== roster.site)
    throw new ApprovalError('E_APPROVAL_SITE', `approval is for site ${approval.site}`);
  if (now !== null && approval.not_after <= now)
    throw new ApprovalError('E_APPROVAL_EXPIRED', 'the approval has lapsed');
  return approval;
}
