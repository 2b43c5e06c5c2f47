import { isDeepStrictEqual } from 'node:util';
import { RuleError } from '../../broker/automation-rule.ts';
import { decodeCbor } from '../../broker/cbor.ts';
import { approval as approvalShape } from '../../broker/messages.ts';
import {
  checkRemembered,
  checkTemplate,
  openRemembered,
  REMEMBER,
  type RememberedRule,
  rememberedShape,
  type SignedRemembered,
} from '../../broker/remembered.ts';
import type { Operator } from '../../broker/roster.ts';
import { SignatureError } from '../../broker/signed.ts';
import { needsTwo } from '../../broker/two-person.ts';
import { checkHost } from '../acts/scope.ts';
import { appendAudit } from '../chain/audit.ts';
import type { Hub } from '../hub.ts';
import type { Incident, Plan } from '../incident.ts';
import { ActError, runnable } from '../steps/approve.ts';
import { beyondCeiling } from '../steps/ceiling.ts';
import { allOf } from '../steps/plan-of.ts';
import { tagsOf } from '../store/hosts.ts';
import { getIncident } from '../store/incidents.ts';
import type { Store } from '../store/store.ts';
import { processesIn, ruleToRemember } from './remember.ts';

const PREFIX = 'remembered:';
/** How far apart the clocks of who signs and of the hub may be, and how long after an approval it may be remembered. */
const SKEW_MS = 10 * 60_000;
/** So long a rule that has lapsed is still listed. */
const LISTED_MS = 92 * 86_400_000;

/** An approval that is remembered, and what became of it. */
export interface Remembered {
  readonly signed: SignedRemembered;
  /** Plans that ran by it. */
  readonly uses: number;
  readonly last?: { readonly incident: string; readonly at: number };
  readonly revoked?: { readonly by: string; readonly at: number };
}

export interface ReadRemembered extends Remembered {
  readonly rule: RememberedRule;
}

/** Every approval that is or was remembered, oldest first. Signatures are not checked here. */
export function allRemembered(store: Store): readonly ReadRemembered[] {
  const range = store.meta.getRange({ start: PREFIX, end: `${PREFIX}\uffff` });
  return [...range].map(({ value }) => {
    const kept = value as Remembered;
    return { ...kept, rule: rememberedShape(decodeCbor(kept.signed.payload), '') };
  });
}

const keptOf = (store: Store, id: string) => store.meta.get(`${PREFIX}${id}`) as Remembered | undefined;

/** The rule as it was signed; null where there is none, or it was revoked. */
export function signedRule(store: Store, id: string): SignedRemembered | null {
  const kept = keptOf(store, id);
  return kept === undefined || kept.revoked !== undefined ? null : kept.signed;
}

/** What agents are told, by id: revoked, and not lapsed. */
export const revokedIds = (store: Store, now: number): readonly string[] =>
  allRemembered(store).flatMap(({ rule, revoked }) => (revoked !== undefined && rule.not_after > now ? [rule.id] : []));

/** Takes in what an admin has signed: exactly the rule of the plan that they have approved. Throws ActError or what openRemembered throws. */
export async function keepRemembered(hub: Hub, operator: Operator, signed: SignedRemembered): Promise<void> {
  const { store, key, roster } = hub;
  const now = hub.now();
  const rule = openRemembered(signed, roster);
  const { id, by, made, not_after, hosts } = rule;
  const no = (why: string) => new ActError('E_ACT_REMEMBER', why);
  if (by !== operator.name) throw new ActError('E_ACT_ROLE', `the rule is by ${by}, not by ${operator.name}`);
  const incident = getIncident(store, rule.incident);
  if (incident === undefined) throw new ActError('E_ACT_UNKNOWN', `no incident ${rule.incident}`);
  const { approval } = incident;
  const isTheirs = approval !== null && approval.by === by && approval.alone !== true && approval.second === undefined;
  if (!isTheirs) throw no(`${by} alone has to approve the plan before it is remembered`);
  if (approvalShape(decodeCbor(approval.payload), '').plan_hash !== incident.plan_hash)
    throw no('another plan has followed the one that was approved');
  if (Math.abs(made - now) > SKEW_MS) throw no('it was not signed now: look at the clocks, and approve again');
  const { reviewed } = approval;
  const wanted = ruleToRemember(incident, { id, site: hub.site.name, by, made, not_after, hosts, reviewed });
  if (!isDeepStrictEqual(wanted, rule)) throw new ActError('E_ACT_MISMATCH', 'it is not the plan that was approved');
  for (const host of hosts) {
    if (!hub.site.agents.has(host)) throw no(`${host} is no agent of this site`);
    checkHost(hub, operator, host);
    if (needsTwo(roster, { host, reviewed }, tagsOf(store, host)))
      throw no(`two persons must agree to it on ${host}, each time`);
  }
  const why = await store.write(() => {
    const all = allRemembered(store);
    for (const old of all) if (old.rule.not_after + LISTED_MS < now) void store.meta.remove(`${PREFIX}${old.rule.id}`);
    if (all.some((one) => one.rule.id === id)) return 'it is remembered already';
    if (all.filter((one) => one.rule.not_after > now).length >= REMEMBER.rules)
      return `${REMEMBER.rules} are remembered already, revoked ones among them, and each counts until its day`;
    void store.meta.put(`${PREFIX}${id}`, { signed, uses: 0 } satisfies Remembered);
    const data = { rule: id, remembered: signed.payload, signature: signed.signature };
    appendAudit(store, key, { kind: 'rule.remembered', incident: incident.id, actor: by, data }, now);
    return null;
  });
  if (why !== null) throw no(why);
}

/** Ends a rule before its day; what runs by it is checked and undone all the same. Throws ActError. */
export async function forgetRemembered(hub: Hub, by: string, id: string): Promise<void> {
  const { store, key } = hub;
  const now = hub.now();
  const isThere = await store.write(() => {
    const kept = keptOf(store, id);
    if (kept === undefined || kept.revoked !== undefined) return false;
    void store.meta.put(`${PREFIX}${id}`, { ...kept, revoked: { by, at: now } } satisfies Remembered);
    appendAudit(store, key, { kind: 'rule.revoked', incident: null, actor: by, data: { rule: id } }, now);
    return true;
  });
  if (!isThere) throw new ActError('E_ACT_UNKNOWN', `no approval ${id} is remembered`);
}

/** Inside the transaction in which a plan is approved by it. */
export function countUse(store: Store, id: string, incident: string, at: number): void {
  const kept = keptOf(store, id);
  if (kept === undefined) return;
  void store.meta.put(`${PREFIX}${id}`, { ...kept, uses: kept.uses + 1, last: { incident, at } } satisfies Remembered);
}

/**
 * The remembered approval of just these commands whose signer may still approve them here; of several the one that covers
 * the incident as it is, else one, so that it can be said why it does not. Undefined where none is.
 */
export function rememberedFor(hub: Hub, incident: Incident, plan: Plan): RememberedRule | undefined {
  const { store, roster, policy } = hub;
  const { host } = incident;
  const tags = tagsOf(store, host);
  const programs = allOf(plan).map(({ phase, number, hash }) => ({ phase, number, hash: hash ?? '' }));
  const fitting = allRemembered(store).flatMap(({ rule, signed, revoked }) => {
    const { reviewed } = rule;
    if (revoked !== undefined || (policy.reviewForbidden && reviewed.length > 0)) return [];
    if (needsTwo(roster, { host, reviewed }, tags)) return [];
    const isSame = holds(() => checkTemplate(rule, { programs, reviewed, processes: processesIn(plan) }));
    if (!isSame || !holds(() => openRemembered(signed, roster))) return [];
    const signer = roster.operators.find(({ name }) => name === rule.by);
    const isBeyond = signer === undefined || beyondCeiling(signer, plan, runnable(plan, reviewed)) !== undefined;
    return isBeyond ? [] : [rule];
  });
  const asked = { now: hub.now(), host, cause: plan.class ?? '', confidence: plan.confidence };
  return fitting.find((rule) => holds(() => checkRemembered(rule, asked))) ?? fitting.at(-1);
}

function holds(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof RuleError || error instanceof SignatureError) return false;
    throw error;
  }
}
