import { openApproval } from '../../broker/approvals.ts';
import type { Hub } from '../hub.ts';
import type { FirstApproval, Incident } from '../incident.ts';
import { tagsOf } from '../store/hosts.ts';
import type { Outcome } from './step.ts';

/** The first of two approvals of the plan that the incident has now, while the second is waited for; null without one. */
export function firstOf({ state, plan_hash, first }: Incident): FirstApproval | null {
  return state === 'proposed' && first !== undefined && first.plan_hash === plan_hash ? first : null;
}

/** The same as far as it still counts: its signer may have left since, or its time be over. */
export function standingFirst(incident: Incident, hub: Hub): FirstApproval | null {
  const first = firstOf(incident);
  return first !== null && whyNot(first, incident.host, hub) === null ? first : null;
}

function whyNot(first: FirstApproval, host: string, hub: Hub): string | null {
  try {
    openApproval(first, hub.roster, hub.now(), tagsOf(hub.store, host));
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The incident with the first of two approvals: it stays proposed, and waits for the next person. */
export function withFirst(incident: Incident, first: FirstApproval, next: string, now: number): Incident {
  const included = first.reviewed.length === 0 ? '' : `, with review step ${first.reviewed.join(', ')}`;
  const note = `approved${included}: 1 of 2, another must agree`;
  const moment = { ts: now, state: incident.state, by: first.by, note };
  return {
    ...incident,
    first,
    owner: next,
    handed_on: now,
    updated: now,
    timeline: [...incident.timeline, moment],
  };
}

/** Takes back a first approval that counts no more, and says why; null while there is none of that kind. */
export function lapsedFirst(incident: Incident, hub: Hub): Outcome | null {
  const present = firstOf(incident);
  const why = present === null ? null : whyNot(present, incident.host, hub);
  if (present === null || why === null) return null;
  const now = hub.now();
  const { first: _, ...rest } = incident;
  const note = `the approval by ${present.by}, 1 of 2, counts no more: ${why}`;
  const timeline = [...incident.timeline, { ts: now, state: incident.state, by: 'hub', note }];
  return {
    kind: 'move',
    incident: { ...rest, updated: now, timeline },
    audit: { kind: 'plan.first_lapsed', incident: incident.id, actor: 'hub', data: { by: present.by, why } },
  };
}
