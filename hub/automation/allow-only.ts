import {
  ALONE_FROM,
  type AutomationRule,
  openRule,
  RULE_DAYS_MAX,
  type SignedRule,
  signRule,
} from '../../broker/automation-rule.ts';
import type { Roster } from '../../broker/messages.ts';
import { coversSite } from '../../broker/scopes.ts';
import { ulid } from '../../broker/ulid.ts';
import type { LocalOperator } from '../acts/client.ts';
import { ActError } from '../steps/approve.ts';

/** Plans on one host within an hour, unless a rule says otherwise: a fault that needs more needs a person. */
const PER_HOST_HOUR = 4;
const DAY_MS = 86_400_000;

/** A rule as it was signed, and what it says. */
export interface RuleInForce {
  readonly signed: SignedRule;
  readonly rule: AutomationRule;
}

/**
 * The rule that `--auto-approve allow-only` stands for: all-allow plans of idempotent playbooks, on every host, at any
 * hour, from 0.90 on. Signed with the key of the person who typed it, who must be an admin. Throws ActError.
 */
export function allowOnly(operator: Omit<LocalOperator, 'sign'>, roster: Roster, now: number): RuleInForce {
  if (operator.role !== 'admin')
    throw new ActError(
      'E_ACT_ROLE',
      `${operator.name} is ${operator.role}: an admin signs what runs with nobody there`,
    );
  const known = roster.operators.find(({ name }) => name === operator.name);
  if (known !== undefined && !coversSite(known))
    throw new ActError('E_ACT_SCOPE', `${operator.name} may act on some hosts alone, and the rule covers every host`);
  const rule = allowOnlyRule(operator.name, operator.site, now);
  const signed = signRule(rule, operator.key);
  return { signed, rule: openRule(signed, roster) };
}

/** The same before anyone has signed it, in force from `now` on. */
export const allowOnlyRule = (by: string, site: string, now: number): AutomationRule => ({
  id: ulid(now),
  site,
  by,
  made: now,
  not_after: now + RULE_DAYS_MAX * DAY_MS,
  confidence: ALONE_FROM,
  classes: [],
  hosts: [],
  tags: [],
  windows: [],
  per_host_hour: PER_HOST_HOUR,
});
