import { signAlone } from '../../broker/approvals.ts';
import { type AutomationRule, openRule } from '../../broker/automation-rule.ts';
import { needsTwo } from '../../broker/two-person.ts';
import { ulid } from '../../broker/ulid.ts';
import { openedBy } from '../automation/breaker.ts';
import { spend } from '../automation/budget.ts';
import { type Circumstances, type Decision, mayRunAlone, rowOf } from '../automation/may-run-alone.ts';
import type { RoutedBy } from '../decided.ts';
import { type Hub, TIMES } from '../hub.ts';
import type { Incident, Plan, Route } from '../incident.ts';
import { isHalted } from '../site/halts.ts';
import { tagsOf } from '../store/hosts.ts';
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
    const { acknowledged, recovered, flapping } = incident;
    const about = {
      ...(acknowledged === undefined ? {} : { acknowledged }),
      ...(recovered === undefined ? {} : { recovered }),
      ...(flapping === undefined ? {} : { flapping }),
    };
    const by: RoutedBy = { ...(await circumstances(incident, plan, hub)), about };
    const decision = mayRunAlone(incident, plan, by);
    const route = wayOf(incident, plan, decision.alone ? { ...by, spent: await spendOn(incident, plan, hub) } : by);
    return route.alone ? alone(incident, hub, plan, route) : toPerson(incident, hub, route);
  },
};

/**
 * Which way a plan goes: a function of what it is given, so that a replay decides the same. `by.about` stands for the
 * incident where that has changed since.
 */
export function wayOf(incident: Incident, plan: Plan, by: RoutedBy): Route {
  const { acknowledged: _, recovered: __, flapping: ___, ...rest } = incident;
  const decision = mayRunAlone({ ...rest, ...by.about }, plan, by);
  const way = { plan: plan.id, row: rowOf(plan.confidence), by };
  if (!decision.alone) return { ...way, alone: false, code: decision.code, why: decision.why };
  const { per_host_hour: perHour, by: signer } = decision.rule;
  if (typeof by.spent !== 'number') {
    const why = `${perHour} plans ran alone on ${incident.host} within an hour: a person looks first`;
    return { ...way, alone: false, code: 'budget', why };
  }
  const count = `number ${by.spent + 1} of ${perHour} in this hour`;
  const why = `rule of ${signer}, confidence ${plan.confidence.toFixed(2)}, ${count}`;
  return { ...way, alone: true, code: 'alone', why };
}

/** Whether the plan may run with nobody there, as things are now: asked at its way, and again before it begins. */
export async function decideAlone(incident: Incident, plan: Plan, hub: Hub): Promise<Decision> {
  return mayRunAlone(incident, plan, await circumstances(incident, plan, hub));
}

async function circumstances(incident: Incident, plan: Plan, hub: Hub): Promise<Circumstances> {
  const { automation, store } = hub;
  const rule = standing(hub);
  const breaker = rule === null ? null : await openedBy(store, incident.host, plan.playbook ?? '', automation.uptime());
  const known = tagsOf(store, incident.host);
  const asksTwo = needsTwo(hub.roster, { host: incident.host, reviewed: [] }, known);
  const at = { rule, now: hub.now(), tags: known ?? [], halted: isHalted(store), breaker };
  return asksTwo ? { ...at, twoPerson: true } : at;
}

/**
 * The rule, as long as its signer is the admin whom the roster names, with that key: an agent would refuse what rests on
 * another, and the plan would have cost its place in the hour and reached nobody.
 */
function standing({ automation: { inForce }, roster }: Hub): AutomationRule | null {
  try {
    return inForce === null ? null : openRule(inForce.signed, roster);
  } catch {
    return null;
  }
}

async function spendOn({ host }: Incident, { id }: Plan, { automation, store }: Hub): Promise<number | null> {
  const perHour = automation.inForce?.rule.per_host_hour ?? 0;
  return spend(store, { host, plan: id, perHour, uptime: automation.uptime() });
}

function toPerson(incident: Incident, hub: Hub, route: Route): Outcome {
  return {
    kind: 'move',
    incident: { ...incident, route, updated: hub.now() },
    audit: { kind: 'plan.routed', incident: incident.id, actor: 'hub', data: { route } },
  };
}

function alone(incident: Incident, hub: Hub, plan: Plan, route: Route): Outcome {
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
  const note = `approved with nobody there: ${route.why}`;
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
