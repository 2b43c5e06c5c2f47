import { type AloneRule, ApprovalError, checkAlone, isRemembered } from '../broker/approvals.ts';
import { checkRuleHere } from '../broker/automation-rule.ts';
import { decodeCbor } from '../broker/cbor.ts';
import { type Approval, type Order, order as orderShape } from '../broker/messages.ts';
import { ceilingOf } from '../broker/scopes.ts';
import { open } from '../broker/signed.ts';
import { type Decision, openDecision, signersOf } from '../broker/two-person.ts';
import { programHash } from '../policy/program.ts';
import type { Effect } from '../policy/verdict.ts';
import type { Trust } from './trust.ts';

/** How far ahead a person's approval may lapse at the most: a hub asks for minutes, and one that is stolen asks for nothing. */
export const APPROVAL_AHEAD_MS = 86_400_000;

export class OrderError extends Error {
  readonly code:
    | 'E_ORDER_AGENT'
    | 'E_ORDER_SITE'
    | 'E_ORDER_EPOCH'
    | 'E_ORDER_BOOT'
    | 'E_ORDER_PLAN'
    | 'E_ORDER_HOST'
    | 'E_ORDER_SEQUENCE'
    | 'E_ORDER_LATE';
  constructor(code: OrderError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export interface OpenedOrder {
  readonly order: Order;
  readonly approval: Approval;
  /** Nobody was there: the rule that lets it run. Null when a person approved. */
  readonly rule: AloneRule | null;
  /** The worst effect that all who stand behind it may approve, of those who are still on the roster. */
  readonly ceiling: Effect | null;
}

/** Whose order it has to be. */
export interface Self {
  readonly agent: string;
  readonly boot: string;
  /** Null where they are not known. */
  readonly tags: readonly string[] | null;
}

/** The order inside a message that the hub's key of the present roster signed. Nothing else of it is checked yet. */
export function readOrder(message: Uint8Array, trust: Trust): Order {
  return orderShape(decodeCbor(open('order', message, trust.roster.hub_key)), '');
}

/**
 * Checks an order as docs/design.md section 3 says, by the agent itself: approval -> roster -> site root. The hub's key alone
 * runs nothing, and with an admin's rule only what that rule covers. Throws OrderError, TrustError, ApprovalError, RuleError, SignatureError or ShapeError.
 */
export function openOrder(order: Order, self: Self, trust: Trust, clock: number): OpenedOrder {
  const opened = checkOrder(order, self, trust, { clock, now: trust.now(clock) });
  trust.witness(order.audit_head);
  return opened;
}

/**
 * The same about an order that was opened, as of `at`, when it was: who has left the roster since, or has another key, lets
 * none of its steps begin any more. Its time is not asked again: what has begun may take longer than an approval lasts.
 */
export function checkOrder(
  order: Order,
  self: Self,
  trust: Trust,
  at: { readonly clock: number; readonly now: number },
): OpenedOrder {
  const { roster } = trust;
  const { clock, now } = at;
  if (order.agent !== self.agent) throw new OrderError('E_ORDER_AGENT', `order is for ${order.agent}`);
  if (order.site !== roster.site) throw new OrderError('E_ORDER_SITE', `order is for site ${order.site}`);
  if (order.epoch !== roster.epoch) throw new OrderError('E_ORDER_EPOCH', `order is of epoch ${order.epoch}`);
  if (order.boot !== self.boot) throw new OrderError('E_ORDER_BOOT', 'order is for an earlier start of this agent');
  // What began in time may be checked and undone later: the executor lets neither be first.
  const isAftermath = order.programs.every(({ phase }) => phase === 'post' || phase === 'rollback');
  const decision = decisionIn(order);
  const approval = openDecision(decision, roster, isAftermath ? null : now, self.tags);
  if (!isAftermath) checkAhead(approval, now);
  if (approval.host !== self.agent) throw new OrderError('E_ORDER_HOST', `approval is for ${approval.host}`);
  if (approval.incident !== order.incident) throw new OrderError('E_ORDER_PLAN', 'approval is for another incident');
  const names = approval.programs.map(({ phase, number }) => `${phase}.${number}`);
  // The journal knows a step by its name: a second program under it would pass for one that ran.
  if (new Set(names).size < names.length) throw new OrderError('E_ORDER_PLAN', 'the approval names two programs alike');
  for (const { phase, number, program } of order.programs) {
    const hash = programHash(program);
    const approved = approval.programs.some((one) => one.phase === phase && one.number === number && one.hash === hash);
    if (!approved) throw new OrderError('E_ORDER_PLAN', `${phase} ${number} is not what was approved`);
  }
  // What began under a rule is checked and undone when the rule's hours are over.
  const rule = isAftermath ? null : checkAlone(approval, roster, { now, tags: self.tags });
  if (rule !== null) checkHere(rule, trust, clock);
  const signers = signersOf(decision, approval);
  const operators = roster.operators.filter(({ name }) => signers.includes(name));
  // Consent that was given once is to what a person may undo or bear, whatever its giver may approve when they look.
  const ceiling = ceilingOf(approval.alone?.remembered === true ? [...operators, REMEMBERED] : operators);
  return { order, approval, rule, ceiling };
}

/** What only this host knows of a rule: whether it heard that it is revoked, and its own clock. Throws RuleError. */
function checkHere(rule: AloneRule, trust: Trust, clock: number): void {
  if (isRemembered(rule)) trust.checkRemembered(rule.id);
  else checkRuleHere(rule, trust.isClockWrong(clock) ? trust.now(clock) : clock);
}

/** Throws ApprovalError for a person's approval that is good for longer than any may be. A rule has bounds of its own. */
function checkAhead({ by, alone, not_after }: Approval, now: number): void {
  if (alone === undefined && not_after > now + APPROVAL_AHEAD_MS)
    throw new ApprovalError(
      'E_APPROVAL_EXPIRED',
      `the approval of ${by} is good for longer than any may be, if it is ${new Date(now).toISOString()} as this host knows it`,
    );
}

const REMEMBERED = { scopes: ['effect:destroy'] };

function decisionIn({ approval, approval_signature, second, second_signature }: Order): Decision {
  const signed = { payload: approval, signature: approval_signature };
  if (second === undefined || second_signature === undefined) return signed;
  return { ...signed, second: { payload: second, signature: second_signature } };
}
