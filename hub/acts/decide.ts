import { isDeepStrictEqual } from 'node:util';
import { decodeCbor } from '../../broker/cbor.ts';
import { readRoster, readSite } from '../../broker/enroll.ts';
import { approval as approvalShape } from '../../broker/messages.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import { needsTwo, secondOf, signSecond } from '../../broker/two-person.ts';
import { TIMES } from '../hub.ts';
import type { FirstApproval, Incident, Plan } from '../incident.ts';
import { ActError, approvalOf, runnable } from '../steps/approve.ts';
import { firstOf } from '../steps/first.ts';
import { tagsOf } from '../store/hosts.ts';
import type { Store } from '../store/store.ts';
import { type Act, type Acting, approvable, signPlan } from './client.ts';

export interface Decided {
  readonly act: Extract<Act, { verb: 'approve' | 'second' }>;
  /** It lets nothing run: another person must agree. */
  readonly isFirst: boolean;
}

/**
 * Signs what lets this plan run with these review steps included: the only approval, the first of two, or, where another
 * has given the first, the second. What is signed is what the incident shows. Throws ActError.
 */
export async function signDecision(
  from: { readonly state: StateFolder; readonly store: Store },
  incident: Incident,
  operator: Acting,
  reviewed: readonly number[],
  now: number,
): Promise<Decided> {
  const { plan, role } = approvable(incident, operator);
  const { roster } = readRoster(from.state, readSite(from.state));
  const { id, host } = incident;
  const asksTwo = needsTwo(roster, { host, reviewed }, tagsOf(from.store, host));
  const first = firstOf(incident);
  if (first === null || first.by === operator.name || first.not_after <= now) {
    const signed = await signPlan(incident, operator, reviewed, now, asksTwo ? TIMES.first : TIMES.approval);
    return { act: { verb: 'approve', incident: id, ...signed }, isFirst: asksTwo };
  }
  const { name: by, sign } = operator;
  const approval = agreedTo(first, incident, plan, operator.site, reviewed);
  const second = secondOf(first, approval, { by, role, not_after: now + TIMES.approval });
  return { act: { verb: 'second', incident: id, ...(await signSecond(second, sign)) }, isFirst: false };
}

/** The first one's approval, if it is of the very plan that is shown here, and of the same consent. Throws ActError. */
function agreedTo(first: FirstApproval, incident: Incident, plan: Plan, site: string, reviewed: readonly number[]) {
  const approval = approvalShape(decodeCbor(first.payload), '');
  if (!isDeepStrictEqual(approval, approvalOf(incident, plan, { ...approval, site })))
    throw new ActError('E_ACT_MISMATCH', `what ${first.by} has approved is not the plan that is shown`);
  const runs = (included: readonly number[]) => runnable(plan, included).map(({ number }) => number);
  if (!isDeepStrictEqual(runs(reviewed), runs(approval.reviewed))) {
    const steps = runs(approval.reviewed).join(', ');
    throw new ActError(
      'E_ACT_CONSENT',
      `${first.by} has approved step ${steps}: agree to the same, or reject the plan`,
    );
  }
  return approval;
}
