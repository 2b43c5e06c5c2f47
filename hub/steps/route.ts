import { type AloneRule, isRemembered, signAlone } from '../../broker/approvals.ts';
import { type AutomationRule, openRule, type SignedRule } from '../../broker/automation-rule.ts';
import { needsTwo } from '../../broker/two-person.ts';
import { ulid } from '../../broker/ulid.ts';
import type { RuleInForce } from '../automation/allow-only.ts';
import { openedBy } from '../automation/breaker.ts';
import { spend } from '../automation/budget.ts';
import { chosenRule } from '../automation/choose.ts';
import { type Circumstances, type Decision, mayRunAlone, rowOf } from '../automation/may-run-alone.ts';
import { processesIn } from '../automation/remember.ts';
import { countUse, rememberedFor, signedRule } from '../automation/remembered.ts';
import { ruleOf } from '../automation/rules-file.ts';
import type { RoutedBy } from '../decided.ts';
import { type Hub, TIMES } from '../hub.ts';
import type { Incident, Plan, Route } from '../incident.ts';
import { isHalted } from '../site/halts.ts';
import { tagsOf } from '../store/hosts.ts';
import { moved } from '../store/incidents.ts';
import { approvalOf } from './approve.ts';
import { type Outcome, type Step, waitFor } from './step.ts';

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
    if (!decision.alone) return toPerson(incident, hub, wayOf(incident, plan, by));
    const { rule } = decision;
    const route = wayOf(incident, plan, { ...by, spent: await spendOn(incident, plan, rule, hub) });
    return route.alone ? alone(incident, hub, { plan, route, rule }) : toPerson(incident, hub, route);
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
  const { rule } = decision;
  const { per_host_hour: perHour, by: signer } = rule;
  if (typeof by.spent !== 'number') {
    const hosts = isRemembered(rule) ? undefined : rule.hosts_per_hour;
    const reach = hosts === undefined ? '' : `, or on ${hosts} hosts`;
    const why = `${perHour} plans ran alone on ${incident.host} within an hour${reach}: a person looks first`;
    return { ...way, alone: false, code: 'budget', why };
  }
  const count = `number ${by.spent + 1} of ${perHour} in this hour`;
  const basis = isRemembered(rule)
    ? `${signer} had approved these commands before`
    : `rule ${rule.name === undefined ? '' : `${rule.name} `}of ${signer}`;
  const why = `${basis}, confidence ${plan.confidence.toFixed(2)}, ${count}`;
  return { ...way, alone: true, code: 'alone', why };
}

/** Whether the plan may run with nobody there, as things are now: asked at its way, and again before it begins. */
export async function decideAlone(incident: Incident, plan: Plan, hub: Hub): Promise<Decision> {
  return mayRunAlone(incident, plan, await circumstances(incident, plan, hub));
}

async function circumstances(incident: Incident, plan: Plan, hub: Hub): Promise<Circumstances> {
  const { automation, store, site } = hub;
  const { host } = incident;
  const { now, known } = { now: hub.now(), known: tagsOf(store, host) };
  const asked = { now, host, tags: known ?? [], cause: plan.class ?? '', confidence: plan.confidence };
  const rule = chosenRule(standing(hub), asked);
  const written = automation.held?.().unsigned ?? [];
  const asSigned = { id: '', site: site.name, by: 'nobody', made: now };
  const unsigned = chosenRule(
    written.map((one) => ruleOf(one, asSigned)),
    asked,
  );
  const remembered = rememberedFor(hub, incident, plan);
  const breaker =
    rule === null && unsigned === null && remembered === undefined
      ? null
      : await openedBy(store, host, plan.playbook ?? '', automation.uptime());
  const asksTwo = needsTwo(hub.roster, { host, reviewed: [] }, known);
  return {
    ...{ rule, now, tags: asked.tags, halted: isHalted(store), breaker },
    ...(remembered === undefined ? {} : { remembered }),
    ...(unsigned === null ? {} : { unsigned }),
    ...(asksTwo ? { twoPerson: true as const } : {}),
  };
}

/**
 * The rules, each as long as its signer is the admin whom the roster names, with that key: an agent would refuse what rests
 * on another, and the plan would have cost its place in the hour and reached nobody.
 */
function standing(hub: Hub): readonly AutomationRule[] {
  return rulesOf(hub).flatMap(({ signed }) => {
    try {
      return [openRule(signed, hub.roster)];
    } catch {
      return [];
    }
  });
}

/** The rule that was signed at the start, and those of the site's file. */
const rulesOf = ({ automation: { inForce, held } }: Hub): readonly RuleInForce[] => [
  ...(inForce === null ? [] : [inForce]),
  ...(held?.().inForce ?? []),
];

function spendOn(
  { host }: Incident,
  { id }: Plan,
  rule: AloneRule,
  { automation, store }: Hub,
): Promise<number | null> {
  const hosts = isRemembered(rule) ? undefined : rule.hosts_per_hour;
  return spend(store, { host, plan: id, perHour: rule.per_host_hour, hosts, uptime: automation.uptime() });
}

function toPerson(incident: Incident, hub: Hub, route: Route): Outcome {
  return {
    kind: 'move',
    incident: { ...incident, route, updated: hub.now() },
    audit: { kind: 'plan.routed', incident: incident.id, actor: 'hub', data: { route } },
  };
}

/** What the rule's signer has signed, if it is in force still: it may have been revoked since the way was chosen. */
function signedOf(rule: AloneRule, hub: Hub): Pick<SignedRule, 'payload' | 'signature'> | null {
  if (isRemembered(rule)) return signedRule(hub.store, rule.id);
  return rulesOf(hub).find((one) => one.rule.id === rule.id)?.signed ?? null;
}

function alone(
  incident: Incident,
  hub: Hub,
  by: { readonly plan: Plan; readonly route: Route; readonly rule: AloneRule },
): Outcome {
  const { plan, route, rule } = by;
  const signed = signedOf(rule, hub);
  const now = hub.now();
  // Asked anew, it finds no such rule: the plan goes to a person, and that is what is said.
  if (signed === null) return waitFor(now);
  const remembered = isRemembered(rule);
  const approval = {
    ...approvalOf(incident, plan, {
      id: ulid(now),
      site: hub.site.name,
      by: rule.by,
      role: 'admin' as const,
      not_after: now + TIMES.approval,
      reviewed: remembered ? rule.reviewed : [],
    }),
    // What was remembered names the processes of the commands alone, in its own order.
    ...(remembered ? { processes: processesIn(plan) } : {}),
    alone: {
      rule: signed.payload,
      rule_signature: signed.signature,
      cause: plan.class ?? '',
      confidence: plan.confidence,
      ...(remembered ? { remembered } : {}),
    },
  };
  const { payload, signature } = signAlone(approval, hub.key);
  const { id, not_after, reviewed } = approval;
  const note = `approved with nobody there: ${route.why}`;
  const given = { id, by: rule.by, payload, signature, not_after, reviewed, alone: true as const };
  return {
    kind: 'move',
    incident: moved(
      incident,
      'approved',
      { now, by: 'hub', note },
      { route, approval: remembered ? { ...given, remembered: rule.id } : given },
    ),
    audit: {
      kind: 'plan.approved_alone',
      incident: incident.id,
      actor: 'hub',
      data: { plan_hash: incident.plan_hash, rule: rule.id, route, approval: payload, signature },
    },
    ...(remembered ? { also: () => countUse(hub.store, rule.id, incident.id, now) } : {}),
  };
}
