import { type AloneRule, isRemembered } from '../../broker/approvals.ts';
import { type AutomationRule, checkRule, RuleError } from '../../broker/automation-rule.ts';
import { checkRemembered, type RememberedRule } from '../../broker/remembered.ts';
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
  /** A rule in `automation.yaml` that nobody has signed: it lets nothing run, and is said. */
  readonly unsigned?: AutomationRule;
  /** The approval of just these commands that an admin had remembered; absent where there is none. */
  readonly remembered?: RememberedRule;
  readonly now: number;
  readonly tags: readonly string[];
  readonly halted: boolean;
  /** The incident whose automatic plan opened the breaker; null while it is closed. */
  readonly breaker: string | null;
  /** Two persons must agree to whatever runs on this host. */
  readonly twoPerson?: true;
}

export type Decision =
  | { readonly alone: true; readonly rule: AloneRule }
  /** A code for scripts and a sentence for people. */
  | { readonly alone: false; readonly code: string; readonly why: string };

/**
 * The one place that decides whether a plan may run with nobody there. A function of what it is given; the budget alone
 * is left to whoever spends it. Everything but an explicit yes is a no.
 */
export function mayRunAlone(incident: Incident, plan: Plan, at: Circumstances): Decision {
  const { rule, remembered } = at;
  const byRule = rule === null ? null : mayRunBy(rule, incident, plan, at);
  if (byRule?.alone === true) return byRule;
  const byConsent = remembered === undefined ? null : mayRunBy(remembered, incident, plan, at);
  if (byConsent?.alone === true) return byConsent;
  return (
    dryRunOf(incident, plan, at) ?? byConsent ?? byRule ?? no('no_rule', 'no rule lets plans run with nobody there')
  );
}

/** That a rule which nobody has signed would have let it run; null where none would. */
function dryRunOf(incident: Incident, plan: Plan, at: Circumstances): Decision | null {
  const { unsigned } = at;
  if (unsigned === undefined || !mayRunBy(unsigned, incident, plan, at).alone) return null;
  return no('unsigned', `the rule ${unsigned.name ?? ''} would let it run, and no admin has signed it as it stands`);
}

const no = (code: string, why: string): Decision => ({ alone: false, code, why });

function mayRunBy(rule: AloneRule, incident: Incident, plan: Plan, at: Circumstances): Decision {
  const { now, tags, halted, breaker } = at;
  // Consent that was given to these very commands stands for what a rule about plans asks of their verdicts.
  const asksAllow = !isRemembered(rule);
  if (at.twoPerson === true) return no('two_person', `two persons must agree to whatever runs on ${incident.host}`);
  if (halted) return no('halted', 'the site is halted');
  if (isFromOutside(incident.event)) return no('outside', 'another system has raised it, and no agent has seen it');
  if (asksAllow && plan.decision !== 'allow') return no('not_all_allow', 'a command of the plan needs consent');
  if (plan.playbook === null) return no('no_playbook', 'no playbook describes this plan');
  if (!plan.idempotent) return no('not_idempotent', 'the playbook may not be run twice');
  if (plan.needs_human) return no('needs_person', 'the cause is not sure enough without a person');
  if (asksAllow && plan.risk !== 'low') return no('risk', `the plan's risk is ${plan.risk}`);
  if (incident.draft?.injection === true) return no('risk', 'text in its evidence addresses the reader');
  if (incident.acknowledged !== undefined) return no('acknowledged', `${incident.acknowledged.by} has taken it on`);
  if (incident.recovered !== undefined) return no('recovered', 'it has recovered by itself');
  if (incident.flapping === true) return no('flapping', 'it comes and goes');
  if (now >= plan.expires) return no('proposal_lapsed', 'the plan is too old');
  if (breaker !== null) return no('breaker_open', `a plan that ran alone did not help: see ${breaker}`);
  try {
    const cause = plan.class ?? '';
    const asked = { now, host: incident.host, tags, cause, confidence: plan.confidence };
    if (isRemembered(rule)) checkRemembered(rule, asked);
    else checkRule(rule, asked);
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return no(error.code, error.message);
  }
  return { alone: true, rule };
}
