import type { Hub } from '../hub.ts';
import type { Incident } from '../incident.ts';
import { reconcile, validateDiagnosis } from '../reason/validate.ts';
import { moved } from '../store/incidents.ts';
import { draftOf } from './draft-of.ts';
import type { Outcome, Step } from './step.ts';

/** Turns the reasoners' answers into one draft: what would be run, checked and undone, still as text. */
export const propose: Step = {
  name: 'propose',
  ready: ({ state, diagnoses, draft }) => state === 'diagnosing' && diagnoses.length > 0 && draft === null,
  async run(incident: Incident, hub: Hub): Promise<Outcome> {
    if (incident.evidence === null) throw new Error('propose without evidence');
    const diagnosis = reconcile(incident.diagnoses, incident.evidence);
    const checked = validateDiagnosis(diagnosis, incident.evidence);
    const draft = draftOf(diagnosis, {
      evidence: incident.evidence,
      playbooks: hub.playbooks,
      injection: 'injection' in checked && checked.injection,
    });
    const next = moved(
      incident,
      'diagnosing',
      { now: hub.now(), by: 'hub', note: `cause: ${diagnosis.root_cause}` },
      { draft },
    );
    return {
      kind: 'move',
      incident: next,
      audit: { kind: 'plan.drafted', incident: incident.id, actor: 'hub', data: { draft } },
    };
  },
};
