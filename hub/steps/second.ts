import { openApproval, type Signed } from '../../broker/approvals.ts';
import { openSecond } from '../../broker/two-person.ts';
import { type Hub, TIMES } from '../hub.ts';
import type { Incident } from '../incident.ts';
import { tagsOf } from '../store/hosts.ts';
import { commitIncident, moved } from '../store/incidents.ts';
import { ActError, checkConsent } from './approve.ts';
import { firstOf } from './first.ts';

/**
 * Takes the second person's agreement to the first one's approval, both as of now. Throws ActError, ApprovalError or
 * SignatureError; moves to `approved`.
 */
export async function acceptSecond(hub: Hub, incident: Incident, signed: Signed): Promise<void> {
  const now = hub.now();
  const { plan } = incident;
  if (incident.state !== 'proposed' || plan === null || now >= plan.expires)
    throw new ActError('E_ACT_STATE', `incident is ${incident.state}: only a proposed one can be approved`);
  const first = firstOf(incident);
  if (first === null)
    throw new ActError('E_ACT_PLAN_CHANGED', 'nobody has approved this plan before you: look again, then approve');
  const tags = tagsOf(hub.store, incident.host);
  const approval = openApproval(first, hub.roster, now, tags);
  const second = openSecond(signed, { approval, of: first }, hub.roster, { now, tags });
  if (second.not_after > now + TIMES.approval + 60_000)
    throw new ActError('E_ACT_MISMATCH', `an approval lasts at most ${TIMES.approval / 60_000} minutes`);
  checkConsent(hub, plan, approval.reviewed, second.by);
  const { first: _, ...rest } = incident;
  const { plan_hash, ...given } = first;
  const { by } = second;
  const not_after = Math.min(first.not_after, second.not_after);
  const record = { ...given, not_after, second: { by, ...signed } };
  const note = `approved: 2 of 2, after ${first.by}`;
  await commitIncident(
    hub.store,
    hub.key,
    moved(rest, 'approved', { now, by, note }, { approval: record, owner: by }),
    {
      kind: 'plan.seconded',
      incident: incident.id,
      actor: by,
      data: { plan_hash, first: first.by, second: signed.payload, signature: signed.signature },
    },
  );
}
