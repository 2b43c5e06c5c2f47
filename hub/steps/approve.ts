import { isDeepStrictEqual } from 'node:util';
import { openApproval, type Signed } from '../../broker/approvals.ts';
import type { Approval } from '../../broker/messages.ts';
import { type Hub, TIMES } from '../hub.ts';
import type { Incident, Plan, PlannedCommand } from '../incident.ts';
import { tagsOf } from '../store/hosts.ts';
import { commitIncident, moved } from '../store/incidents.ts';
import { handedOn } from './hand-on.ts';
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
      const next = handedOn(incident, hub);
      return next.kind === 'move' ? next : waitFor(Math.min(expires, next.until ?? expires));
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
    | 'E_ACT_SILENCE';
  constructor(code: ActError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Takes an operator's signed approval: it must be for exactly the plan that the incident has now (compare and set),
 * and name every program of it by hash. Throws ActError, ApprovalError or SignatureError; moves to `approved`.
 */
export async function acceptApproval(hub: Hub, incident: Incident, signed: Signed): Promise<void> {
  const { plan } = incident;
  if (incident.state !== 'proposed' || plan === null || hub.now() >= plan.expires) {
    throw new ActError('E_ACT_STATE', `incident is ${incident.state}: only a proposed one can be approved`);
  }
  const now = hub.now();
  const approval = openApproval(signed, hub.roster, now, tagsOf(hub.store, incident.host));
  if (approval.plan_hash !== incident.plan_hash) {
    throw new ActError('E_ACT_PLAN_CHANGED', 'the plan has changed since it was shown: look again, then approve');
  }
  const { by, role, not_after, reviewed } = approval;
  const same = approvalOf(incident, plan, { by, role, not_after, reviewed, id: approval.id, site: hub.site.name });
  if (!isDeepStrictEqual(same, approval)) {
    throw new ActError('E_ACT_MISMATCH', 'the approval does not name this plan’s programs, host and processes');
  }
  if (not_after > now + TIMES.approval + 60_000) {
    throw new ActError('E_ACT_MISMATCH', `an approval lasts at most ${TIMES.approval / 60_000} minutes`);
  }
  if (hub.policy.reviewForbidden && reviewed.length > 0) {
    throw new ActError(
      'E_ACT_CONSENT',
      'the site’s policy has `review: never`: nobody may consent to a review command',
    );
  }
  if (runnable(plan, reviewed).length === 0) {
    throw new ActError('E_ACT_CONSENT', 'the first step is a review command: it needs your consent by its number');
  }
  const record = { id: approval.id, by, payload: signed.payload, signature: signed.signature, not_after, reviewed };
  const included = reviewed.length === 0 ? '' : `, with review step ${reviewed.join(', ')}`;
  const next = moved(incident, 'approved', { now, by, note: `approved${included}` }, { approval: record, owner: by });
  await commitIncident(hub.store, hub.key, next, {
    kind: 'plan.approved',
    incident: incident.id,
    actor: by,
    data: { plan_hash: approval.plan_hash, approval: signed.payload, signature: signed.signature },
  });
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
