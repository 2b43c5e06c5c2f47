import { buildEvidence } from '../evidence/builder.ts';
import type { PlaybookMatch } from '../evidence/evidence.ts';
import type { Hub } from '../hub.ts';
import type { Incident } from '../incident.ts';
import { candidatePlaybooks, similarIncidents } from '../reason/retrieval.ts';
import { moved, pastIncidents } from '../store/incidents.ts';
import { recordOf } from './learn.ts';
import type { Outcome, Step } from './step.ts';

/** How many closed incidents are searched for similar ones. */
const PAST = 500;

/** Snapshots what is known now into one evidence record: the only source of every later decision. */
export const gather: Step = {
  name: 'gather',
  ready: (incident) => incident.state === 'open',
  async run(incident: Incident, hub: Hub): Promise<Outcome> {
    const now = hub.now();
    const past = pastIncidents(hub.store, PAST).map((one) => ({
      id: one.id,
      title: one.title,
      state: one.state,
      playbook: one.plan?.playbook ?? null,
      opened: one.opened,
      fingerprint: one.fingerprint,
      signal: one.event.signal,
    }));
    const inventory = hub.store.births.get(incident.host)?.inventory;
    const evidence = buildEvidence({
      incidentId: incident.id,
      host: incident.host,
      event: incident.event,
      now,
      similar: similarIncidents(incident.event, past),
      playbooks: candidatePlaybooks(hub.playbooks, incident.event).map((one) => withRecord(one, incident, hub)),
      service: hub.correlation.services.factsOf(incident.host),
      processes: inventory?.processes ?? [],
      ...(inventory === undefined ? {} : { units: inventory.units }),
    });
    const next = moved(
      incident,
      'diagnosing',
      { now, by: 'hub', note: `${evidence.items.length} facts gathered` },
      { evidence },
    );
    const data = { items: evidence.items, entities: evidence.entities, similar: evidence.similar };
    return {
      kind: 'move',
      incident: next,
      audit: { kind: 'evidence.gathered', incident: incident.id, actor: 'hub', data },
    };
  },
};

/** A candidate with what is known of its past, where there is any. */
function withRecord(match: PlaybookMatch, { host, fingerprint, event }: Incident, { store }: Hub): PlaybookMatch {
  const record = recordOf(store, match.id, { signal: event.signal });
  const here = recordOf(store, match.id, { host, fingerprint });
  return { ...match, ...(record.ran > 0 ? { record } : {}), ...(here.ran > 0 ? { here } : {}) };
}
