import type { Hub } from '../hub.ts';
import { CLOSED, type Incident, type State } from '../incident.ts';
import { commitIncident, moved } from '../store/incidents.ts';
import { ActError } from './approve.ts';

/** An operator takes an incident on: it is theirs until it closes. Throws ActError when it is closed or theirs already. */
export async function acknowledge(hub: Hub, incident: Incident, by: string): Promise<void> {
  if (CLOSED.has(incident.state)) {
    throw new ActError('E_ACT_STATE', `incident is ${incident.state}: there is nothing to acknowledge`);
  }
  if (incident.acknowledged?.by === by) throw new ActError('E_ACT_STATE', 'you have acknowledged it already');
  const now = hub.now();
  const moment = { ts: now, state: incident.state, by, note: 'acknowledged' };
  const next: Incident = {
    ...incident,
    owner: by,
    acknowledged: { by, at: now },
    updated: now,
    timeline: [...incident.timeline, moment],
  };
  await commitIncident(hub.store, hub.key, next, {
    kind: 'incident.acknowledged',
    incident: incident.id,
    actor: by,
    data: { before: incident.owner },
  });
}

/** What has not been sent to a host can be called back. */
const CANCELLABLE: ReadonlySet<State> = new Set(['open', 'diagnosing', 'proposed', 'expired', 'approved']);

/** An operator calls an incident off before anything was set in motion on the host. Throws ActError when it is too late. */
export async function cancel(hub: Hub, incident: Incident, by: string, note: string): Promise<void> {
  if (!CANCELLABLE.has(incident.state) || incident.orders.length > 0) {
    throw new ActError('E_ACT_STATE', `incident is ${incident.state}: nothing of it can be called back any more`);
  }
  const next = moved(incident, 'cancelled', { now: hub.now(), by, note: note || 'cancelled' }, { owner: by });
  const audit = { kind: 'incident.cancelled', incident: incident.id, actor: by, data: { note } };
  await commitIncident(hub.store, hub.key, next, audit);
}
