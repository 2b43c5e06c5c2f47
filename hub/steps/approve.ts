import { isDeepStrictEqual } from 'node:util';
import { openApproval, type Signed } from '../../broker/approvals.ts';
import type { Approval } from '../../broker/messages.ts';
import { ceilingOf } from '../../broker/scopes.ts';
import { needsTwo } from '../../broker/two-person.ts';
import { type Hub, TIMES } from '../hub.ts';
import type { Incident, Plan, PlannedCommand } from '../incident.ts';
import { tagsOf } from '../store/hosts.ts';
import { commitIncident, moved } from '../store/incidents.ts';
import { beyondCeiling } from './ceiling.ts';
import { firstOf, lapsedFirst, standingFirst, withFirst } from './first.ts';
import { handedOn } from './hand-on.ts';
import { ableOn } from './owner.ts';
import { allOf } from './plan-of.ts';
import { type Outcome, type Step, waitFor } from './step.ts';

/** A proposal waits for a person until it lapses; the act itself comes through `acceptApproval` and `reject`. */
export const approve: Step = {
  name: 'approve',
  ready: ({ state }) => state === 'proposed',
  async run(incident: Incident, hub: Hub): Promise<Outcome> {
    const now = hub.now();
    const expires = incident.plan?.expires ?? now;
    if (now < expires) {
      const next = lapsedFirst(incident, hub) ?? handedOn(incident, hub);
      const until = Math.min(expires, firstOf(incident)?.not_after ?? expires);
      return next.kind === 'move' ? next : waitFor(Math.min(until, next.until ?? until));
    }
    return {
      kind: 'move',
      incident: moved(incident, 'expired', {
        now,
        by: 'hub',
        note: 'nobody decided in time',
        reason: 'proposal_lapsed',
      }),
      audit: { kind: 'plan.expired', incident: incident.id, actor: 'hub', data: {} },
    };
  },
};

/** Why an act on an incident is refused: a code for scripts and a sentence for people. */
export class ActError extends Error {
  readonly code:
    | 'E_ACT_STATE'
    | 'E_ACT_PLAN_CHANGED'
    | 'E_ACT_MISMATCH'
    | 'E_ACT_CONSENT'
    | 'E_ACT_UNKNOWN'
    | 'E_ACT_ROLE'
    | 'E_ACT_SCOPE'
    | 'E_ACT_SILENCE'
    | 'E_ACT_HOLD'
    | 'E_ACT_REMEMBER';
  constructor(code: ActError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Takes an operator's signed approval: it must be for exactly the plan that the incident has now (compare and set),
 * and name every program of it by hash. Throws ActError, ApprovalError or SignatureError; moves to `approved`, or, where
 * two persons must agree, waits for the second (second.ts).
 */
export async function acceptApproval(hub: Hub, incident: Incident, signed: Signed): Promise<void> {
  const { plan } = incident;
  if (incident.state !== 'proposed' || plan === null || hub.now() >= plan.expires) {
    throw new ActError('E_ACT_STATE', `incident is ${incident.state}: only a proposed one can be approved`);
  }
  const now = hub.now();
  const tags = tagsOf(hub.store, incident.host);
  const approval = openApproval(signed, hub.roster, now, tags);
  if (approval.plan_hash !== incident.plan_hash) {
    throw new ActError('E_ACT_PLAN_CHANGED', 'the plan has changed since it was shown: look again, then approve');
  }
  const { by, role, not_after, reviewed } = approval;
  const same = approvalOf(incident, plan, { by, role, not_after, reviewed, id: approval.id, site: hub.site.name });
  if (!isDeepStrictEqual(same, approval)) {
    throw new ActError('E_ACT_MISMATCH', 'the approval does not name this plan’s programs, host and processes');
  }
  const asksTwo = needsTwo(hub.roster, approval, tags);
  const longest = asksTwo ? TIMES.first : TIMES.approval;
  if (not_after > now + longest + 60_000) {
    throw new ActError('E_ACT_MISMATCH', `an approval lasts at most ${longest / 60_000} minutes`);
  }
  checkConsent(hub, plan, reviewed, by);
  const record = { id: approval.id, by, payload: signed.payload, signature: signed.signature, not_after, reviewed };
  const data = { plan_hash: approval.plan_hash, approval: signed.payload, signature: signed.signature };
  if (asksTwo) {
    const next = nextPerson(hub, incident, { by, plan, reviewed });
    await commitIncident(
      hub.store,
      hub.key,
      withFirst(incident, { ...record, plan_hash: approval.plan_hash }, next, now),
      { kind: 'plan.approved_first', incident: incident.id, actor: by, data },
    );
    return;
  }
  const { first: _, ...rest } = incident;
  const included = reviewed.length === 0 ? '' : `, with review step ${reviewed.join(', ')}`;
  const next = moved(rest, 'approved', { now, by, note: `approved${included}` }, { approval: record, owner: by });
  await commitIncident(hub.store, hub.key, next, { kind: 'plan.approved', incident: incident.id, actor: by, data });
}

/** Whom a plan that two persons must agree to waits for, once `by` has. Throws ActError where it would wait for nobody. */
function nextPerson(hub: Hub, incident: Incident, given: Pick<Approval, 'by' | 'reviewed'> & { plan: Plan }): string {
  const { by, plan, reviewed } = given;
  const before = standingFirst(incident, hub);
  if (before !== null && before.by !== by)
    throw new ActError(
      'E_ACT_PLAN_CHANGED',
      `${before.by} has approved meanwhile: look again, then agree as the second`,
    );
  const runs = runnable(plan, reviewed);
  const next = ableOn(hub, incident.host).find((one) => one.name !== by && !beyondCeiling(one, plan, runs));
  if (next === undefined)
    throw new ActError(
      'E_ACT_STATE',
      `two persons must agree, and nobody but ${by} may approve this on ${incident.host}`,
    );
  return next.name;
}

/** Throws ActError unless this consent is the site's and this operator's to give, and lets a step run. */
export function checkConsent(hub: Hub, plan: Plan, reviewed: readonly number[], by: string): void {
  if (hub.policy.reviewForbidden && reviewed.length > 0) {
    throw new ActError(
      'E_ACT_CONSENT',
      'the site’s policy has `review: never`: nobody may consent to a review command',
    );
  }
  const runs = runnable(plan, reviewed);
  if (runs.length === 0) {
    throw new ActError('E_ACT_CONSENT', 'the first step is a review command: it needs your consent by its number');
  }
  const operator = hub.roster.operators.find(({ name }) => name === by);
  const beyond = operator && beyondCeiling(operator, plan, runs);
  if (beyond === undefined) return;
  const { phase, number, command, verdict } = beyond;
  const named = `${phase} ${number}, ${command}, is ${verdict.effect}`;
  throw new ActError('E_ACT_SCOPE', `${named}, and ${by} may approve ${ceilingOf(operator ? [operator] : [])} at most`);
}

/** An operator says no: the incident is closed with their note. */
export async function reject(hub: Hub, incident: Incident, by: string, note: string): Promise<void> {
  const rejectable = ['proposed', 'expired', 'escalated', 'failed', 'outcome_unknown'];
  if (!rejectable.includes(incident.state)) {
    throw new ActError('E_ACT_STATE', `incident is ${incident.state}: there is nothing to reject`);
  }
  const next = moved(incident, 'rejected', { now: hub.now(), by, note: note || 'rejected' }, { owner: by });
  const audit = { kind: 'plan.rejected', incident: incident.id, actor: by, data: { note } };
  await commitIncident(hub.store, hub.key, next, audit);
}

/** The approval that fits a plan: what an operator's client signs, and what the hub compares it with. */
export function approvalOf(
  incident: Incident,
  plan: Plan,
  signer: Pick<Approval, 'id' | 'site' | 'by' | 'role' | 'not_after' | 'reviewed'>,
): Approval {
  return {
    id: signer.id,
    site: signer.site,
    incident: incident.id,
    plan_hash: incident.plan_hash ?? '',
    policy_hash: plan.policy_hash,
    host: incident.host,
    programs: allOf(plan).map(({ phase, number, hash }) => ({ phase, number, hash: hash ?? '' })),
    reviewed: signer.reviewed,
    processes: plan.processes.map(({ pid, start, comm, exe }) => ({
      pid,
      start,
      comm,
      ...(exe === undefined ? {} : { exe }),
    })),
    by: signer.by,
    role: signer.role,
    not_after: signer.not_after,
  };
}

/**
 * The steps that this consent lets run: up to the first review step without consent, which is not run, nor any after
 * it. A step's consent covers its own rollback, so a step whose rollback needs review needs consent too.
 */
export function runnable(plan: Plan, reviewed: readonly number[]): readonly PlannedCommand[] {
  const needsConsent = (step: PlannedCommand) =>
    step.verdict.decision === 'review' ||
    plan.rollback.some((undo) => undo.number === step.number && undo.verdict.decision === 'review');
  const stop = plan.steps.findIndex((step) => needsConsent(step) && !reviewed.includes(step.number));
  return stop === -1 ? plan.steps : plan.steps.slice(0, stop);
}
