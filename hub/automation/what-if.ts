import type { AutomationRule } from '../../broker/automation-rule.ts';
import type { Roster } from '../../broker/messages.ts';
import { needsTwo } from '../../broker/two-person.ts';
import { TIMES } from '../hub.ts';
import type { Incident, Plan, Route, State } from '../incident.ts';
import { wayOf } from '../steps/route.ts';
import { BREAKER_OPEN_MS } from './breaker.ts';
import { BUDGET_MS } from './budget.ts';
import { chosenRule } from './choose.ts';

/** Which way a plan that was made once would have gone under a rule. */
export interface Tried {
  readonly incident: Incident;
  readonly plan: Plan;
  readonly at: number;
  readonly route: Route;
  /** What became of the plan in truth: a person, or another rule, let it run or not. */
  readonly ended: 'helped' | 'did_not_help' | 'not_run';
}

export interface WhatIf {
  /** The first that covers a plan is the one by which it runs. */
  readonly rules: readonly AutomationRule[];
  readonly roster: Pick<Roster, 'two_person'>;
  /** A host's tags now, for plans of before they were kept; null where they are not known. */
  readonly tags: (host: string) => readonly string[] | null;
}

/**
 * Holds every plan of recorded incidents against rules by the code that decides for real, oldest first, as of the moment
 * at which it was sent its way. Budgets count what the rules themselves would have run; breakers what is known not to have
 * helped, since of a plan that nobody ran nobody knows. Changes nothing.
 */
export function whatIf(incidents: readonly Incident[], { rules, roster, tags }: WhatIf): readonly Tried[] {
  const ran: { readonly host: string; readonly at: number }[] = [];
  const opened: { readonly of: string; readonly at: number; readonly incident: string }[] = [];
  const made = incidents.flatMap(plansOf).sort((a, b) => a.at - b.at);
  return made.map(({ incident, plan, route: before, at, ended }) => {
    const { host, id } = incident;
    const names = [`host ${host}`, `playbook ${plan.playbook ?? ''}`];
    const spent = ran.filter((one) => one.host === host && one.at > at - BUDGET_MS).length;
    const known = before?.by?.tags ?? tags(host);
    const { class: cause = '', confidence } = plan;
    const rule = chosenRule(rules, { now: at, host, tags: known ?? [], cause, confidence });
    const within = new Set(ran.flatMap((one) => (one.at > at - BUDGET_MS ? [one.host] : []))).add(host).size;
    const isSpent = rule === null || spent >= rule.per_host_hour || within > (rule.hosts_per_hour ?? within);
    const route = wayOf(incident, plan, {
      rule,
      now: at,
      tags: known ?? [],
      halted: before?.by?.halted ?? false,
      breaker: opened.find((one) => names.includes(one.of) && one.at > at - BREAKER_OPEN_MS)?.incident ?? null,
      ...(needsTwo(roster, { host, reviewed: [] }, known) ? { twoPerson: true } : {}),
      about: before?.by?.about ?? {},
      spent: isSpent ? null : spent,
    });
    if (route.alone) ran.push({ host, at });
    if (route.alone && ended === 'did_not_help') for (const of of names) opened.push({ of, at, incident: id });
    return { incident, plan, at, route, ended };
  });
}

/** An automatic plan that ends so did not help (breaker.ts). */
const FAILED: ReadonlySet<State> = new Set(['rolled_back', 'failed', 'outcome_unknown']);

interface Made {
  readonly incident: Incident;
  readonly plan: Plan;
  readonly route: Route | undefined;
  readonly at: number;
  readonly ended: Tried['ended'];
}

function plansOf(incident: Incident): readonly Made[] {
  const { plan, route, earlier = [] } = incident;
  // Another plan followed an earlier one since that one was undone.
  const before = earlier.flatMap((one) =>
    one.plan === null ? [] : [madeAt(incident, one.plan, one.route, 'did_not_help')],
  );
  return plan === null ? before : [...before, madeAt(incident, plan, route, endedOf(incident))];
}

function madeAt(incident: Incident, plan: Plan, route: Route | undefined, ended: Tried['ended']): Made {
  const own = route?.plan === plan.id ? route : undefined;
  return { incident, plan, route: own, at: own?.by?.now ?? plan.expires - TIMES.proposal, ended };
}

function endedOf({ approval, state }: Incident): Tried['ended'] {
  if (approval === null) return 'not_run';
  return state === 'resolved' ? 'helped' : FAILED.has(state) ? 'did_not_help' : 'not_run';
}
