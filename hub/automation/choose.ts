import { type AutomationRule, checkRule, RuleError, type RuleQuestion } from '../../broker/automation-rule.ts';

/**
 * The rule by which a plan would run, of several: the first that covers it, else the first, so that it can be said why that
 * one does not. Null where there is none.
 */
export function chosenRule(rules: readonly AutomationRule[], asked: RuleQuestion): AutomationRule | null {
  return rules.find((rule) => covers(rule, asked)) ?? rules[0] ?? null;
}

function covers(rule: AutomationRule, asked: RuleQuestion): boolean {
  try {
    checkRule(rule, asked);
    return true;
  } catch (error) {
    if (error instanceof RuleError) return false;
    throw error;
  }
}
