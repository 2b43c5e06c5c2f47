import { signAlone } from '../../broker/approvals.ts';
import { ulid } from '../../broker/ulid.ts';
import { openedBy } from '../automation/breaker.ts';
import { spend } from '../automation/budget.ts';
import { type Decision, mayRunAlone, rowOf } from '../automation/may-run-alone.ts';
import { type Hub, TIMES } from '../hub.ts';
import type { Incident, Plan, Route } from '../incident.ts';
import { isHalted } from '../site/halts.ts';
import { moved } from '../store/incidents.ts';
import { approvalOf } from './approve.ts';
import type { Outcome, Step } from './step.ts';

/**
 * Sends a vetted plan its way, once: to a person, or, where a signed rule covers it, straight on. The hub's order key
 * signs in the rule's name, and the agent holds that against the rule by itself.
 */
export const route: Step = {
  name: 'route',
  ready: ({ state, plan, route }) => state === 'proposed' && plan !== null && route?.plan !== plan.id,
  async run(incident: Incident, hub: Hub): Promise<Outcome> {
    const { plan } = incident;
    if (plan === null) throw new Error('route without a plan');
    const { automation, store } = hub;
    const uptime = automation.uptime();
    const decision = await decideAlone(incident, plan, hub);
    if (!decision.alone) return toPerson(incident, hub, plan, decision);
    const perHour = decision.rule.per_host_hour;
    const before = await spend(store, { host: incident.host, plan: plan.id, perHour, uptime });
    if (before === null) {
      const why = `${perHour} plans ran alone on ${incident.host} within an hour: a person looks first`;
      return toPerson(incident, hub, plan, { code: 'budget', why });
    }
    return alone(incident, hub, plan, before + 1);
  },
};

/** Whether the plan may run with nobody there, as things are now: asked at its way, and again before it begins. */
export async function decideAlone(incident: Incident, plan: Plan, hub: Hub): Promise<Decision> {
  const { automation, store } = hub;
  const rule = automation.inForce?.rule ?? null;
  const breaker = rule === null ? null : await openedBy(store, incident.host, plan.playbook ?? '', automation.uptime());
  const tags = store.births.get(incident.host)?.host.tags ?? [];
  return mayRunAlone(incident, plan, { rule, now: hub.now(), tags, halted: isHalted(store), breaker });
}

function toPerson(
  incident: Incident,
  hub: Hub,
  plan: Plan,
  { code, why }: { readonly code: string; readonly why: string },
): Outcome {
  const route: Route = { plan: plan.id, row: rowOf(plan.confidence), alone: false, code, why };
  return {
    kind: 'move',
    incident: { ...incident, route, updated: hub.now() },
    audit: { kind: 'plan.routed', incident: incident.id, actor: 'hub', data: { route } },
  };
}

function alone(incident: Incident, hub: Hub, plan: Plan, count: number): Outcome {
  const { inForce } = hub.automation;
  if (inForce === null) throw new Error('alone without a rule');
  const { rule, signed } = inForce;
  const now = hub.now();
  const approval = {
    ...approvalOf(incident, plan, {
      id: ulid(now),
      site: hub.site.name,
      by: rule.by,
      role: 'admin' as const,
      not_after: now + TIMES.approval,
      reviewed: [],
    }),
    alone: {
      rule: signed.payload,
      rule_signature: signed.signature,
      cause: plan.class ?? '',
      confidence: plan.confidence,
    },
  };
  const { payload, signature } = signAlone(approval, hub.key);
  const { id, by, not_after, reviewed } = approval;
  const row = rowOf(plan.confidence);
  const why = `rule of ${by}, confidence ${plan.confidence.toFixed(2)}, number ${count} of ${rule.per_host_hour} in this hour`;
  const route: Route = { plan: plan.id, row, alone: true, code: 'alone', why };
  const note = `approved with nobody there: ${why}`;
  return {
    kind: 'move',
    incident: moved(
      incident,
      'approved',
      { now, by: 'hub', note },
      { route, approval: { id, by, payload, signature, not_after, reviewed, alone: true } },
    ),
    audit: {
      kind: 'plan.approved_alone',
      incident: incident.id,
      actor: 'hub',
      data: { plan_hash: incident.plan_hash, rule: rule.id, route, approval: payload, signature },
    },
  };
}
