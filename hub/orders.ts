import { decodeCbor, encodeCbor } from '../broker/cbor.ts';
import { type Order, order as orderShape } from '../broker/messages.ts';
import { peek, seal } from '../broker/signed.ts';
import { isAgentId } from '../broker/subject.ts';
import { agentTopic } from '../broker/topics.ts';
import { ulid } from '../broker/ulid.ts';
import { auditHead } from './chain/audit.ts';
import { type Hub, TIMES } from './hub.ts';
import type { Incident, Plan, PlannedCommand, SentOrder } from './incident.ts';
import { isHalted } from './site/halts.ts';
import { runnable } from './steps/approve.ts';

/**
 * What an order is for: `apply` runs pre-checks and steps, `check` the post-checks, `rollback` undoes, newest first,
 * the steps that ran.
 */
function commandsFor(purpose: SentOrder['purpose'], incident: Incident, plan: Plan): readonly PlannedCommand[] {
  const reviewed = incident.approval?.reviewed ?? [];
  if (purpose === 'apply') return [...plan.pre, ...runnable(plan, reviewed)];
  if (purpose === 'check') return plan.post;
  return undoable(incident, plan);
}

/** Rollbacks of the steps that began: those that failed half-way too, and never of one that did not begin. */
export function undoable(incident: Incident, plan: Plan): readonly PlannedCommand[] {
  const began = new Set(
    incident.results
      .filter(({ step, state }) => step?.phase === 'step' && ['done', 'failed', 'timeout'].includes(state))
      .map(({ step }) => step?.number),
  );
  return plan.rollback.filter(({ number }) => began.has(number)).toReversed();
}

/**
 * Builds and signs an order for the agent's present boot. Null while the agent was never heard, or all is halted; and for
 * a device or a stranger always: whatever brought it here, no order is addressed to one.
 */
export function makeOrder(hub: Hub, incident: Incident, purpose: SentOrder['purpose']): SentOrder | null {
  const { plan, approval } = incident;
  if (!isAgentId(incident.host)) return null;
  const boot = hub.store.births.get(incident.host)?.boot;
  if (plan === null || approval === null || boot === undefined || isHalted(hub.store)) return null;
  const now = hub.now();
  const order: Order = {
    id: ulid(now),
    site: hub.site.name,
    epoch: hub.roster.epoch,
    agent: incident.host,
    boot,
    incident: incident.id,
    approval: approval.payload,
    approval_signature: approval.signature,
    ...(approval.second === undefined
      ? {}
      : { second: approval.second.payload, second_signature: approval.second.signature }),
    programs: commandsFor(purpose, incident, plan).flatMap(({ phase, number, program }) =>
      program === null ? [] : [{ phase, number, program }],
    ),
    dry_run: !hub.live,
    timeout: TIMES.command,
    audit_head: auditHead(hub.store),
  };
  const bytes = seal('order', encodeCbor(order), hub.key);
  return { id: order.id, purpose, boot, bytes, sent: now, dry_run: order.dry_run };
}

/**
 * Sends an order; sent twice, the agent answers twice with the same results and runs nothing twice. It is signed anew
 * with the audit chain's present head: an ack may have shown the agent a later one than the order was made with, and
 * an agent refuses whoever goes back.
 */
export async function sendOrder(hub: Hub, incident: Incident, order: SentOrder): Promise<void> {
  // Not delivered, so it is sent when the halt is lifted, if its time has not passed.
  if (isHalted(hub.store)) return;
  const made = orderShape(decodeCbor(peek(order.bytes)), '');
  // A hub that was started anew as a dry run sends nothing live, whatever it had promised before.
  const present = { ...made, dry_run: made.dry_run || !hub.live, audit_head: auditHead(hub.store) };
  const bytes = seal('order', encodeCbor(present), hub.key);
  await hub.mesh.publish(agentTopic(incident.host, 'c'), bytes);
  hub.delivered.set(order.id, incident.host);
}

/** The newest order, and what came back for it. */
export function lastOrder(
  incident: Incident,
): { order: SentOrder; results: Incident['results']; complete: boolean } | null {
  const order = incident.orders.at(-1);
  if (order === undefined) return null;
  const results = incident.results.filter((result) => result.order === order.id);
  return { order, results, complete: results.some((result) => result.last) };
}
