import { type AutomationRule, type SignedRule, signRuleBy } from '../../broker/automation-rule.ts';
import { type Console, EXIT, UsageError } from '../../broker/command-line.ts';
import { readRoster, readSite } from '../../broker/enroll.ts';
import { coversSite } from '../../broker/scopes.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import { ulid } from '../../broker/ulid.ts';
import { actingOperator } from '../acts/acting.ts';
import { scopeOf } from '../automation/read.ts';
import { isSignedFrom, readRulesFile, ruleOf } from '../automation/rules-file.ts';
import { heldRules, isNearEnd, readSignedRules, writeSignedRules } from '../automation/signed-rules.ts';
import { ActError } from '../steps/approve.ts';
import { askedYes } from './ask-yes.ts';

/** A rule of the site's file in the words in which it is shown before it is signed. */
export function ruleLine(rule: Omit<AutomationRule, 'id' | 'by' | 'made' | 'site'>): string {
  const { name, confidence, per_host_hour, hosts_per_hour, not_after } = rule;
  const scope = scopeOf(rule);
  const reach = hosts_per_hour === undefined ? '' : `, on ${hosts_per_hour} hosts at most`;
  const budget = `${per_host_hour} on a host within an hour${reach}`;
  const where = scope === '' ? 'every host, every class, at any hour' : scope;
  return `${name}: all-allow plans of idempotent playbooks from ${confidence.toFixed(2)} on; ${where}; ${budget}; until ${new Date(not_after).toISOString()}`;
}

/**
 * Shows every rule of the site's file that is not signed as it stands, or not for long any more, and signs them with an admin's key, each by itself. Those
 * that are signed stay as they are; signatures of what is in the file no more are taken out.
 */
export async function signRules(
  state: StateFolder,
  { key, yes }: { readonly key?: string | undefined; readonly yes: boolean },
  io: Console,
): Promise<number> {
  const written = readRulesFile(state.automation);
  if (written.length === 0) throw new UsageError(`there is no rule in ${state.automation}: see docs/automation.md`);
  const { roster } = readRoster(state, readSite(state));
  const made = Date.now();
  const held = heldRules(written, readSignedRules(state.automationSigned), roster);
  const inForce = held.inForce.filter(({ rule }) => !isNearEnd(rule, made));
  const unsigned = written.filter((one) => !inForce.some(({ rule }) => isSignedFrom(rule, one)));
  const operator = await actingOperator(state, key);
  const { name: by, role, site, sign } = operator;
  if (role !== 'admin')
    throw new ActError('E_ACT_ROLE', `${by} is ${role}: an admin signs what runs with nobody there`);
  const known = roster.operators.find((one) => one.name === by);
  if (known === undefined || !coversSite(known))
    throw new ActError('E_ACT_SCOPE', `${by} may act on some hosts alone, and rules concern the site`);
  const rules = unsigned.map((one) => ruleOf(one, { id: ulid(made), site, by, made }));
  for (const { rule } of inForce) io.stdout(`signed by ${rule.by}: ${ruleLine(rule)}`);
  for (const rule of rules) io.stdout(`to be signed: ${ruleLine(rule)}`);
  if (rules.length > 0 && !yes && !(await askedYes('let these run with nobody there? type yes: '))) {
    io.stdout('not signed');
    return EXIT.no;
  }
  const signed: SignedRule[] = inForce.map((one) => one.signed);
  for (const rule of rules) signed.push(await signRuleBy(rule, sign));
  writeSignedRules(state.automationSigned, signed);
  io.stdout(`${rules.length} signed by ${by}, ${inForce.length} as they were: ${state.automationSigned}`);
  return EXIT.done;
}
