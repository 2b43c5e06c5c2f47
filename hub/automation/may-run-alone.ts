import { type AutomationRule, checkRule, RuleError } from '../../broker/automation-rule.ts';
import type { Incident, Plan } from '../incident.ts';
import { isFromOutside } from '../outside.ts';

/** The rows of the routing table (docs/design.md section 8), by calibrated confidence. */
export const ROWS = [
  { row: 'run', from: 0.95 },
  { row: 'run_verified', from: 0.9 },
  { row: 'approval', from: 0.8 },
  { row: 'dry_run', from: 0.7 },
  { row: 'person', from: 0 },
] as const;
export type Row = (typeof ROWS)[number]['row'];

export const rowOf = (confidence: number): Row => ROWS.find(({ from }) => confidence >= from)?.row ?? 'person';

/** What the decision rests on beside the incident itself. */
export interface Circumstances {
  /** Null: automation is off. */
  readonly rule: AutomationRule | null;
  readonly now: number;
  readonly tags: readonly string[];
  readonly halted: boolean;
  /** The incident whose automatic plan opened the breaker; null while it is closed. */
  readonly breaker: string | null;
  /** Two persons must agree to whatever runs on this host. */
  readonly twoPerson?: true;
}

export type Decision =
  | { readonly alone: true; readonly rule: AutomationRule }
  /** A code for scripts and a sentence for people. */
  | { readonly alone: false; readonly code: string; readonly why: string };

/**
 * The one place that decides whether a plan may run with nobody there. A function of what it is given; the budget alone
 * is left to whoever spends it. Everything but an explicit yes is a no.
 */
export function mayRunAlone(incident: Incident, plan: Plan, at: Circumstances): Decision {
  const { rule, now, tags, halted, breaker } = at;
  const no = (code: string, why: string): Decision => ({ alone: false, code, why });
  if (rule === null) return no('no_rule', 'no rule lets plans run with nobody there');
  if (at.twoPerson === true) return no('two_person', `two persons must agree to whatever runs on ${incident.host}`);
  if (halted) return no('halted', 'the site is halted');
  if (isFromOutside(incident.event)) return no('outside', 'another system has raised it, and no agent has seen it');
  if (plan.decision !== 'allow') return no('not_all_allow', 'a command of the plan needs consent');
  if (plan.playbook === null) return no('no_playbook', 'no playbook describes this plan');
  if (!plan.idempotent) return no('not_idempotent', 'the playbook may not be run twice');
  if (plan.needs_human) return no('needs_person', 'the cause is not sure enough without a person');
  if (plan.risk !== 'low') return no('risk', `the plan's risk is ${plan.risk}`);
  if (incident.acknowledged !== undefined) return no('acknowledged', `${incident.acknowledged.by} has taken it on`);
  if (incident.recovered !== undefined) return no('recovered', 'it has recovered by itself');
  if (incident.flapping === true) return no('flapping', 'it comes and goes');
  if (now >= plan.expires) return no('proposal_lapsed', 'the plan is too old');
  if (breaker !== null) return no('breaker_open', `a plan that ran alone did not help: see ${breaker}`);
  try {
    const cause = plan.class ?? '';
    checkRule(rule, { now, host: incident.host, tags, cause, confidence: plan.confidence });
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return no(error.code, error.message);
  }
  return { alone: true, rule };
}
