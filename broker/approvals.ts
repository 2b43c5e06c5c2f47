import { type AutomationRule, checkRule, openFormerRule, openRule, RuleError } from './automation-rule.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';
import type { KeyPair } from './keys.ts';
import { type Approval, approval as approvalShape, type Roster } from './messages.ts';
import {
  checkRemembered,
  checkTemplate,
  openFormerRemembered,
  openRemembered,
  type RememberedRule,
} from './remembered.ts';
import { hubKeys, keysOf } from './roster.ts';
import { covers } from './scopes.ts';
import { NAMESPACES, sshSign, sshVerify, sshVerifyAny } from './sshsig.ts';

/** Why an approval is worth nothing: the same codes at the hub, which refuses it, and at the agent, which checks again. */
export class ApprovalError extends Error {
  readonly code:
    | 'E_APPROVAL_OPERATOR'
    | 'E_APPROVAL_ROLE'
    | 'E_APPROVAL_SCOPE'
    | 'E_APPROVAL_EFFECT'
    | 'E_APPROVAL_EXPIRED'
    | 'E_APPROVAL_SITE'
    | 'E_APPROVAL_SECOND';
  constructor(code: ApprovalError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** What lets a plan run with nobody there: a rule about plans, or an approval of one that was remembered. */
export type AloneRule = AutomationRule | RememberedRule;

export const isRemembered = (rule: AloneRule): rule is RememberedRule => 'programs' in rule;

export interface Signed {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** Signs an approval as an operator: SSHSIG over the payload's very bytes. */
export function signApproval(approval: Approval, operator: KeyPair): Signed {
  const payload = encodeCbor(approval);
  return { payload, signature: sshSign(payload, NAMESPACES.approval, operator) };
}

/** Signs an approval as the hub, in the name of the rule that it carries. */
export function signAlone(approval: Approval, hub: KeyPair): Signed {
  const payload = encodeCbor(approval);
  return { payload, signature: sshSign(payload, NAMESPACES.alone, hub) };
}

/**
 * The approval, if an operator on the roster who may approve signed it and it has not lapsed at `now`; null asks only
 * who signed it then, for what checks or undoes what began in time (see openFormer). One that nobody gave is good when
 * the hub's order key signed it and an admin the rule in it. `tags` are the host's, as far as they are known, for
 * operators who are kept to some. Throws ApprovalError, RuleError, SignatureError or
 * ShapeError.
 */
export function openApproval(
  signed: Signed,
  roster: Roster,
  now: number | null,
  tags: readonly string[] | null = null,
): Approval {
  if (now === null) return openFormer(signed, roster);
  const { payload, signature } = signed;
  const approval = approvalShape(decodeCbor(payload), '');
  const operator = roster.operators.find((one) => one.name === approval.by);
  if (operator === undefined) throw new ApprovalError('E_APPROVAL_OPERATOR', `${approval.by} is not on the roster`);
  if (approval.alone === undefined) sshVerify(payload, signature, NAMESPACES.approval, operator.key, operator.sk);
  else {
    sshVerify(payload, signature, NAMESPACES.alone, roster.hub_key);
    checkRuleIn(approval, ruleOf(approval, approval.alone, roster));
  }
  if (operator.role === 'viewer' || operator.role !== approval.role) {
    throw new ApprovalError(
      'E_APPROVAL_ROLE',
      `${approval.by} is ${operator.role} and may not approve as ${approval.role}`,
    );
  }
  if (!covers(operator, approval.host, tags))
    throw new ApprovalError('E_APPROVAL_SCOPE', `${approval.by} may not approve for ${approval.host}`);
  checkSite(approval, roster);
  if (approval.not_after <= now) throw new ApprovalError('E_APPROVAL_EXPIRED', 'the approval has lapsed');
  return approval;
}

/**
 * The approval as it was given once, by an operator who may have left since or have another key or role. It shows who has
 * signed, and lets nothing begin: an agent that has begun checks and undoes under it, whatever has become of the
 * signer. Throws ApprovalError, RuleError, SignatureError or ShapeError.
 */
export function openFormer({ payload, signature }: Signed, roster: Roster): Approval {
  const approval = approvalShape(decodeCbor(payload), '');
  const { alone, by } = approval;
  if (alone === undefined) {
    const keys = keysOf(roster, by);
    if (keys.length === 0) throw new ApprovalError('E_APPROVAL_OPERATOR', `${by} was never on the roster`);
    sshVerifyAny(payload, signature, NAMESPACES.approval, keys);
  } else {
    const keys = hubKeys(roster).map((key) => ({ key }));
    sshVerifyAny(payload, signature, NAMESPACES.alone, keys);
    const openIt = alone.remembered === true ? openFormerRemembered : openFormerRule;
    checkRuleIn(approval, openIt({ payload: alone.rule, signature: alone.rule_signature }, roster));
  }
  checkSite(approval, roster);
  return approval;
}

function checkSite(approval: Approval, roster: Roster): void {
  if (approval.site !== roster.site)
    throw new ApprovalError('E_APPROVAL_SITE', `approval is for site ${approval.site}`);
}

/** An approval that nobody gave says what its rule says, and no more. Throws RuleError. */
function checkRuleIn(approval: Approval, rule: AloneRule): void {
  const { by, reviewed } = approval;
  if (rule.by !== by) throw new RuleError('E_RULE_SIGNER', `the rule is by ${rule.by}, not by ${by}`);
  if (isRemembered(rule)) checkTemplate(rule, approval);
  else if (reviewed.length > 0)
    throw new RuleError('E_RULE_CONSENT', 'a rule consents to no command that needs review');
}

/** The rule in an approval that nobody gave. Throws RuleError, SignatureError or ShapeError. */
function ruleOf(approval: Approval, alone: NonNullable<Approval['alone']>, roster: Roster): AloneRule {
  if (approval.role !== 'admin') throw new RuleError('E_RULE_SIGNER', 'only an admin signs rules');
  const { rule: payload, rule_signature: signature, remembered } = alone;
  const openIt = remembered === true ? openRemembered : openRule;
  return openIt({ payload, signature }, roster);
}

/**
 * Holds an approval that nobody gave against its own rule, as of `now`, on a host with these tags (null: not known);
 * answers the rule, or null when a person has approved. Throws RuleError, SignatureError or ShapeError.
 */
export function checkAlone(
  approval: Approval,
  roster: Roster,
  at: { readonly now: number; readonly tags: readonly string[] | null },
): AloneRule | null {
  const { alone, host } = approval;
  if (alone === undefined) return null;
  const rule = ruleOf(approval, alone, roster);
  const asked = { ...at, host, cause: alone.cause, confidence: alone.confidence };
  if (isRemembered(rule)) checkRemembered(rule, asked);
  else checkRule(rule, asked);
  return rule;
}
