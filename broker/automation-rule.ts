import { decodeCbor, encodeCbor } from './cbor.ts';
import type { KeyPair } from './keys.ts';
import type { Roster } from './messages.ts';
import { keysOf } from './roster.ts';
import { bytes, type Infer, int, list, maybe, pattern, real, record, text } from './shape.ts';
import { NAMESPACES, type Namespace, sshSign, sshVerify, sshVerifyAny } from './sshsig.ts';
import { ID } from './topics.ts';

/** No rule lets a plan run alone that is less sure than this, whatever it says: the routing table's own bound. */
export const ALONE_FROM = 0.9;
/** A rule that nobody renews lapses: who signed it may have left, and what it was signed for has changed. */
export const RULE_DAYS_MAX = 92;
const DAY_MS = 86_400_000;

const name = text(128);

/** When plans may run with nobody there (docs/design.md section 8). Whatever it says, only all-allow plans do. */
export const ruleShape = record({
  id: pattern(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'a ULID'),
  site: pattern(ID, 'an id'),
  /** The admin who signed it. */
  by: name,
  made: int(),
  not_after: int(),
  /** Calibrated confidence, 0..1, from which on. */
  confidence: real,
  /** Classes of causes that it covers; none named: all. */
  classes: list(name, 64),
  /** Hosts that it covers; none named: all. */
  hosts: list(pattern(ID, 'an id'), 256),
  /** Tags that a host must carry, all of them. */
  tags: list(name, 32),
  /** When, in minutes of a day in UTC, on which days (0 is Sunday); none named: always. */
  windows: list(record({ days: list(int(0, 6), 7), from: int(0, 1_439), to: int(1, 1_440) }), 16),
  /** Plans on one host within an hour. */
  per_host_hour: int(1, 60),
  /** Hosts on which plans run alone within an hour, by whichever rule, over the whole site: the hub alone can count them. Absent: all. */
  hosts_per_hour: maybe(int(1, 10_000)),
  /** What people call it. */
  name: maybe(pattern(ID, 'an id')),
});
export type AutomationRule = Infer<typeof ruleShape>;

/** A rule as an admin signed it: an approval that rests on it carries these very bytes. */
export const signedRule = record({ payload: bytes(16_384), signature: bytes(1_024) });
export type SignedRule = Infer<typeof signedRule>;

/** Why a rule does not let this run: the same codes at the hub and at the agent, which checks again. */
export class RuleError extends Error {
  readonly code:
    | 'E_RULE_SIGNER'
    | 'E_RULE_SITE'
    | 'E_RULE_LAPSED'
    | 'E_RULE_WINDOW'
    | 'E_RULE_SCOPE'
    | 'E_RULE_CONFIDENCE'
    | 'E_RULE_CONSENT'
    | 'E_RULE_BUDGET'
    | 'E_RULE_TEMPLATE'
    | 'E_RULE_REVOKED';
  constructor(code: RuleError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Signs a rule as an admin: SSHSIG, namespace `sentinel-rule`. */
export function signRule(rule: AutomationRule, admin: KeyPair): SignedRule {
  const payload = encodeCbor(rule);
  return { payload, signature: sshSign(payload, NAMESPACES.rule, admin) };
}

/** The same with a key that is elsewhere, as an ssh-agent holds it: `sign` makes the SSHSIG blob. */
export async function signRuleBy(
  rule: AutomationRule,
  sign: (message: Uint8Array, namespace: Namespace) => Promise<Uint8Array>,
): Promise<SignedRule> {
  const payload = encodeCbor(rule);
  return { payload, signature: await sign(payload, NAMESPACES.rule) };
}

/** The rule, if an admin on the roster signed it for this site. Throws RuleError, SignatureError or ShapeError. */
export function openRule(signed: SignedRule, roster: Roster): AutomationRule {
  const rule = openFormerRule(signed, roster);
  const admin = roster.operators.find((one) => one.name === rule.by && one.role === 'admin');
  if (admin === undefined) throw new RuleError('E_RULE_SIGNER', `${rule.by} is no admin on the roster`);
  sshVerify(signed.payload, signed.signature, NAMESPACES.rule, admin.key, admin.sk);
  return rule;
}

/**
 * The rule as it was signed once, by an admin who may have left since or have another key: it lets nothing run any more.
 * Throws RuleError, SignatureError or ShapeError.
 */
export function openFormerRule({ payload, signature }: SignedRule, roster: Roster): AutomationRule {
  const rule = ruleShape(decodeCbor(payload), '');
  const keys = keysOf(roster, rule.by);
  if (keys.length === 0) throw new RuleError('E_RULE_SIGNER', `${rule.by} is no admin on the roster`);
  sshVerifyAny(payload, signature, NAMESPACES.rule, keys);
  if (rule.site !== roster.site) throw new RuleError('E_RULE_SITE', `the rule is for site ${rule.site}`);
  return rule;
}

/** What a plan asks of a rule. */
export interface RuleQuestion {
  readonly now: number;
  readonly host: string;
  /** The host's tags; null where they are not known, and then no rule that asks for one covers it. */
  readonly tags: readonly string[] | null;
  readonly cause: string;
  readonly confidence: number;
}

/** Throws RuleError unless the rule covers this host, cause, confidence and time. */
export function checkRule(rule: AutomationRule, asked: RuleQuestion): void {
  const { now, host, tags, cause, confidence } = asked;
  if (now >= rule.not_after || now >= rule.made + RULE_DAYS_MAX * DAY_MS)
    throw new RuleError('E_RULE_LAPSED', `the rule of ${rule.by} has lapsed`);
  if (rule.hosts.length > 0 && !rule.hosts.includes(host))
    throw new RuleError('E_RULE_SCOPE', `the rule does not cover ${host}`);
  const missing = rule.tags.find((tag) => tags?.includes(tag) !== true);
  if (missing !== undefined) throw new RuleError('E_RULE_SCOPE', `the rule asks for the tag ${missing}`);
  if (rule.classes.length > 0 && !rule.classes.includes(cause))
    throw new RuleError('E_RULE_SCOPE', `the rule does not cover ${cause}`);
  if (confidence < Math.max(ALONE_FROM, rule.confidence))
    throw new RuleError(
      'E_RULE_CONFIDENCE',
      `confidence ${confidence.toFixed(2)} is below ${Math.max(ALONE_FROM, rule.confidence).toFixed(2)}`,
    );
  if (!isInHours(rule, now)) throw new RuleError('E_RULE_WINDOW', 'it is outside the hours of the rule');
}

const isInHours = ({ windows }: AutomationRule, now: number): boolean =>
  windows.length === 0 || windows.some((window) => isWithin(window, now));

/** Two clocks that are looked after differ by less. */
const OFF_MINUTES = 5;

/**
 * What a host asks of a rule besides, by its own clock: who has the hub's key could tell it an hour of the rule's, or have
 * used a rule that is not to begin yet. Throws RuleError.
 */
export function checkRuleHere(rule: AutomationRule, clock: number): void {
  if (rule.made > clock + DAY_MS)
    throw new RuleError('E_RULE_LAPSED', `the rule of ${rule.by} was made for a day that has not come`);
  for (let off = -OFF_MINUTES; off <= OFF_MINUTES; off++) if (isInHours(rule, clock + off * 60_000)) return;
  const here = new Date(clock).toISOString();
  throw new RuleError('E_RULE_WINDOW', `by this host's own clock (${here}) it is outside the hours of the rule`);
}

/** A window whose end is before its beginning goes over midnight, and counts by the day on which it began. */
function isWithin({ days, from, to }: AutomationRule['windows'][number], now: number): boolean {
  const minute = Math.floor((now % DAY_MS) / 60_000);
  const day = new Date(now).getUTCDay();
  if (from < to) return days.includes(day) && minute >= from && minute < to;
  return (days.includes(day) && minute >= from) || (days.includes((day + 6) % 7) && minute < to);
}
