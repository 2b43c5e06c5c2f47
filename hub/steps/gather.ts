import { openIncidents } from '../correlate/decide.ts';
import { membersOf } from '../correlate/memory.ts';
import { buildEvidence, EVIDENCE_LIMITS } from '../evidence/builder.ts';
import { type Also, type PlaybookMatch, processesOf } from '../evidence/evidence.ts';
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
      also: alsoOpen(incident, hub),
      ...(inventory === undefined ? {} : { units: inventory.units }),
    });
    const known = inventory === undefined ? {} : { inventory: { ...inventory, processes: processesOf(evidence) } };
    const next = moved(
      incident,
      'diagnosing',
      { now, by: 'hub', note: `${evidence.items.length} facts gathered` },
      { evidence, ...known },
    );
    const data = { items: evidence.items, entities: evidence.entities, similar: evidence.similar };
    return {
      kind: 'move',
      incident: next,
      audit: { kind: 'evidence.gathered', incident: incident.id, actor: 'hub', data },
    };
  },
};

/** The other alerts of the host: those that this incident covers, and those that have an incident of their own. */
function alsoOpen({ id, host }: Incident, { store }: Hub): readonly Also[] {
  const covered = membersOf(store, id, EVIDENCE_LIMITS.also).filter(
    (one) => one.host === host && one.recovered === null,
  );
  const own: Also[] = [];
  for (const other of openIncidents(store, host)) {
    if (other.id === id) continue;
    const { signal, metric, value, reason } = other.event;
    own.push({
      signal,
      ...(metric === undefined ? {} : { metric }),
      ...(value === undefined ? {} : { value }),
      reason,
    });
    if (own.length >= EVIDENCE_LIMITS.also) break;
  }
  return [...covered.map(({ signal, reason }) => ({ signal, reason })), ...own].slice(0, EVIDENCE_LIMITS.also);
}

/** A candidate with what is known of its past, where there is any. */
function withRecord(match: PlaybookMatch, { host, fingerprint, event }: Incident, { store }: Hub): PlaybookMatch {
  const record = recordOf(store, match.id, { signal: event.signal });
  const here = recordOf(store, match.id, { host, fingerprint });
  return { ...match, ...(record.ran > 0 ? { record } : {}), ...(here.ran > 0 ? { here } : {}) };
}
