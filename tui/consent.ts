import type { RememberedRule } from '../broker/remembered.ts';
import type { Incident, Plan, PlannedCommand } from '../hub/incident.ts';
import { firstOf } from '../hub/steps/first.ts';
import { type Decision, stricter } from '../policy/verdict.ts';
import { type Key, typed } from './keys.ts';
import { type Later, type LaterAsked, laterKey } from './later.ts';

/** Input this soon after a dialog opened was meant for what was there before it. */
export const SETTLE_MS = 300;
/** Keys this close together were sent by a program or a paste, not by a hand. */
export const HAND_MS = 20;

/** One step as consent sees it. */
export interface ConsentStep {
  readonly number: number;
  /** The step's own, or its rollback's where that is stricter. */
  readonly decision: Decision;
}

/** The only dialog: what is asked, and what the operator did to it so far. Immutable; times are milliseconds. */
export interface Consent {
  readonly act: 'approve' | 'reject' | 'halt' | 'revoke';
  /** Empty where it is about none. */
  readonly incident: string;
  /** What it is about: a host; the site that is halted; the id of the rule that is revoked. */
  readonly host: string;
  /** The plan as it was shown when the dialog opened: approval carries this, and nothing that came later. */
  readonly planHash: string | null;
  /** Who of two persons had approved when the dialog opened, by the approval's id. */
  readonly first: string | null;
  readonly steps: readonly ConsentStep[];
  /** The host's name must be typed: the plan destroys, or its risk is high. */
  readonly wide: boolean;
  /** Review steps that were included one by one. */
  readonly included: readonly number[];
  /** What is signed for later too; null: nothing. */
  readonly later: Later | null;
  /** Why nothing can be signed for later; empty when it can. */
  readonly notLater: string;
  readonly focus: 'deny' | 'name';
  readonly typed: string;
  /** Last moment at which the dialog was put, or changed size, under the operator's fingers. */
  readonly settled: number;
  readonly lastKey: number;
  readonly scroll: number;
  /** Every row was on the screen at least once. */
  readonly read: boolean;
  /** The plan changed underneath: nothing can be approved any more. */
  readonly stale: boolean;
  /** Why the last key did nothing. */
  readonly note: string;
}

export type ConsentOutcome =
  | { readonly type: 'open'; readonly consent: Consent }
  | { readonly type: 'closed'; readonly why: 'denied' | 'stale' }
  | {
      readonly type: 'approved';
      readonly planHash: string;
      readonly reviewed: readonly number[];
      readonly through: number;
      readonly rule: RememberedRule | null;
    }
  /** What is to be remembered is asked of the desk, and comes back into the dialog. */
  | { readonly type: 'later'; readonly consent: Consent; readonly asked: LaterAsked }
  | { readonly type: 'rejected' | 'halted' | 'revoked' };

const all = (plan: Plan): readonly PlannedCommand[] => [...plan.pre, ...plan.steps, ...plan.post, ...plan.rollback];

/** Why this plan can't be approved whatever anyone presses; undefined when it can. */
export function whyNotApprovable(incident: Incident, now: number): string | undefined {
  const plan = incident.plan;
  if (plan === null || incident.plan_hash === null) return 'there is no plan to approve';
  if (incident.state !== 'proposed') return `the incident is ${incident.state.replace('_', ' ')}, nothing waits`;
  const blocked = all(plan).find((command) => command.verdict.decision === 'block');
  if (blocked !== undefined) return `policy blocks ${blocked.phase} ${blocked.number}: no one may run it`;
  if (plan.decision === 'block') return 'policy blocks this plan: no one may run it';
  const check = [...plan.pre, ...plan.post].find((command) => command.verdict.decision !== 'allow');
  if (check !== undefined) return `check ${check.number} is not allowed by policy, and checks must be`;
  if (plan.steps.length === 0) return 'the plan has no step';
  if (plan.expires <= now) return 'the proposal has expired';
  return undefined;
}

/** A plan that destroys, reaches too far or is rated high is not approved by one key. */
export function isWide(plan: Plan): boolean {
  const far = (command: PlannedCommand) => command.verdict.effect === 'destroy' || command.verdict.effect === 'breach';
  return plan.risk === 'high' || all(plan).some(far);
}

/** Consent to a step covers what undoes it: one whose rollback needs review needs consent too, whatever it is itself. */
export function decisionOn(plan: Plan, step: PlannedCommand): Decision {
  const undo = plan.rollback.filter(({ number }) => number === step.number);
  return undo.map(({ verdict }) => verdict.decision).reduce(stricter, step.verdict.decision);
}

/** Opens the dialog on the incident as it stands now; `notLater` says why its approval can't be remembered. */
export function openConsent(act: 'approve' | 'reject', incident: Incident, now: number, notLater = ''): Consent {
  const plan = incident.plan;
  return {
    ...openPlain(act, incident.host, now),
    incident: incident.id,
    planHash: incident.plan_hash,
    first: firstOf(incident)?.id ?? null,
    steps: plan === null ? [] : plan.steps.map((step) => ({ number: step.number, decision: decisionOn(plan, step) })),
    wide: plan !== null && isWide(plan),
    notLater,
  };
}

/** Opens the dialog before the whole site is halted, or a rule is revoked: it is about no incident. */
export function openPlain(act: Consent['act'], host: string, now: number): Consent {
  return {
    act,
    incident: '',
    host,
    planHash: null,
    first: null,
    steps: [],
    wide: false,
    included: [],
    later: null,
    notLater: '',
    focus: 'deny',
    typed: '',
    settled: now,
    lastKey: now,
    scroll: 0,
    read: false,
    stale: false,
    note: '',
  };
}

/** The steps that would run with these inclusions: up to the first review that is not among them. */
export function wouldRun(steps: readonly ConsentStep[], included: readonly number[]): readonly number[] {
  const end = steps.findIndex(
    (step) => step.decision === 'block' || (step.decision === 'review' && !included.includes(step.number)),
  );
  return steps.slice(0, end === -1 ? steps.length : end).map((step) => step.number);
}

/** The incident moved on: compare what is shown with what is there. */
export function consentMeets(consent: Consent, incident: Incident | undefined): Consent {
  // What halts or revokes is about every plan, whatever becomes of one.
  if (consent.act === 'halt' || consent.act === 'revoke') return consent;
  const same =
    incident !== undefined &&
    incident.plan_hash === consent.planHash &&
    (consent.act === 'reject' || (incident.state === 'proposed' && (firstOf(incident)?.id ?? null) === consent.first));
  return same || consent.stale ? consent : { ...consent, stale: true, note: '' };
}

/** The dialog has so many rows and the screen shows so many of them. */
export function consentShown(consent: Consent, rows: number, visible: number): Consent {
  const scroll = Math.max(0, Math.min(consent.scroll, rows - visible));
  const read = consent.read || scroll + visible >= rows;
  return scroll === consent.scroll && read === consent.read ? consent : { ...consent, scroll, read };
}

/** The screen changed under the operator: the dialog counts as just opened, and as not yet read. */
export function consentResized(consent: Consent, now: number): Consent {
  return { ...consent, settled: now, read: false };
}

const open = (consent: Consent, change: Partial<Consent> = {}): ConsentOutcome => ({
  type: 'open',
  consent: { ...consent, note: '', ...change },
});
const denied: ConsentOutcome = { type: 'closed', why: 'denied' };

/**
 * What one chunk of input does to the dialog. The guards, in order: too soon is dropped; a paste or several keys at
 * once never consent; Enter and Escape deny; what was not read, or is stale or blocked, can't be approved.
 */
export function consentKeys(consent: Consent, chunk: readonly Key[], now: number): ConsentOutcome {
  const [first] = chunk;
  if (first === undefined) return { type: 'open', consent };
  if (now - consent.settled < SETTLE_MS) return { type: 'open', consent: { ...consent, lastKey: now } };
  if (chunk.length > 1 || first.type === 'paste') {
    return open(consent, { lastKey: now, note: 'a paste, or several keys at once, is never consent: press one key' });
  }
  if (consent.stale) return { type: 'closed', why: 'stale' };
  if (first.name === 'enter' || first.name === 'escape') return denied;
  if (now - consent.lastKey < HAND_MS) {
    return open(consent, { lastKey: now, note: 'that came too fast for a hand: press the key again' });
  }
  const next = { ...consent, lastKey: now, note: '' };
  const moved = scrolled(next, first.name);
  if (moved !== undefined) return open(moved);
  if (consent.act !== 'approve') return first.name === 'y' ? { type: AGREED[consent.act] } : open(next);
  return consent.focus === 'name' ? nameKey(next, first) : approveKey(next, first);
}

const AGREED = { reject: 'rejected', halt: 'halted', revoke: 'revoked' } as const;

function scrolled(consent: Consent, name: string): Consent | undefined {
  const inName = consent.focus === 'name';
  const step = name === 'down' || (name === 'j' && !inName) ? 1 : name === 'up' || (name === 'k' && !inName) ? -1 : 0;
  const page = name === 'page-down' ? 10 : name === 'page-up' ? -10 : 0;
  if (step + page === 0) return undefined;
  return { ...consent, scroll: Math.max(0, consent.scroll + step + page) };
}

function approveKey(consent: Consent, pressed: Key & { readonly type: 'key' }): ConsentOutcome {
  const { name } = pressed;
  if (/^[1-9]$/.test(name)) return include(consent, Number(name));
  const asked = laterKey(consent.later, name);
  if (asked !== undefined && consent.notLater !== '')
    return open(consent, { note: `for once only: ${consent.notLater}` });
  if (asked !== undefined) return { type: 'later', consent, asked };
  if (name !== 'y' && name !== 'Y') return open(consent);
  if (!consent.read) return open(consent, { note: 'read to the end first: press j' });
  if (consent.wide) return open(consent, { focus: 'name', note: '' });
  return approve(consent, name === 'Y' ? consent.included : []);
}

function include(consent: Consent, number: number): ConsentOutcome {
  const step = consent.steps.find((candidate) => candidate.number === number);
  if (step === undefined) return open(consent, { note: `there is no step ${number}` });
  if (step.decision === 'allow') return open(consent, { note: `step ${number} is allowed: it needs no consent` });
  if (step.decision === 'block') return open(consent, { note: `step ${number} is blocked: no one may run it` });
  const without = consent.included.filter((other) => other !== number);
  const included =
    without.length < consent.included.length ? without : [...consent.included, number].sort((a, b) => a - b);
  return open(consent, { included });
}

function nameKey(consent: Consent, pressed: Key & { readonly type: 'key' }): ConsentOutcome {
  if (pressed.name === 'backspace') return open(consent, { typed: [...consent.typed].slice(0, -1).join('') });
  // A host's name is lower case, so a capital Y is never a part of it.
  if (pressed.name === 'Y') {
    if (consent.typed === consent.host) return approve(consent, consent.included);
    return open(consent, { note: 'that is not the name of the host' });
  }
  const character = typed(pressed);
  if (character === undefined || consent.typed.length >= 64) return open(consent);
  return open(consent, { typed: consent.typed + character });
}

function approve(consent: Consent, reviewed: readonly number[]): ConsentOutcome {
  if (consent.planHash === null || consent.steps.some((step) => step.decision === 'block')) {
    return open(consent, { note: 'policy blocks this plan: no one may run it' });
  }
  const { later } = consent;
  const missing = later?.rule.reviewed.find((number) => !reviewed.includes(number));
  if (missing !== undefined)
    return open(consent, { focus: 'deny', typed: '', note: `it is remembered whole: include step ${missing}, then Y` });
  const run = wouldRun(consent.steps, reviewed);
  const through = run.at(-1);
  if (through === undefined) {
    const [gate] = consent.steps;
    return open(consent, {
      focus: 'deny',
      typed: '',
      note: `nothing would run: include step ${gate?.number ?? 1} first, then Y`,
    });
  }
  const rule = later?.rule ?? null;
  return {
    type: 'approved',
    planHash: consent.planHash,
    reviewed: reviewed.filter((n) => n <= through),
    through,
    rule,
  };
}
