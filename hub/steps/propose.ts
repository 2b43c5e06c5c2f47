import type { Hub } from '../hub.ts';
import type { Draft, Incident } from '../incident.ts';
import { fillPlaybook } from '../reason/rules.ts';
import { reconcile, validateDiagnosis } from '../reason/validate.ts';
import { moved } from '../store/incidents.ts';
import type { Outcome, Step } from './step.ts';

/** For a plan that no playbook describes: how long its metric may take to come back. */
const VERIFY_WITHIN_MS = 60_000;

/** Turns the reasoners' answers into one draft: what would be run, checked and undone, still as text. */
export const propose: Step = {
  name: 'propose',
  ready: ({ state, diagnoses, draft }) => state === 'diagnosing' && diagnoses.length > 0 && draft === null,
  async run(incident: Incident, hub: Hub): Promise<Outcome> {
    if (incident.evidence === null) throw new Error('propose without evidence');
    const diagnosis = reconcile(incident.diagnoses, incident.evidence);
    const checked = validateDiagnosis(diagnosis, incident.evidence);
    const draft = drafted(incident, hub, diagnosis, 'injection' in checked && checked.injection);
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

function drafted(incident: Incident, hub: Hub, diagnosis: Draft['diagnosis'], injection: boolean): Draft {
  const playbook = diagnosis.playbook === null ? undefined : hub.playbooks.get(diagnosis.playbook);
  const filled = playbook && incident.evidence ? fillPlaybook(playbook, incident.evidence) : null;
  if (playbook !== undefined && filled !== null) {
    return {
      diagnosis,
      ...filled,
      verify_within: playbook.verify.within_ms,
      max_wait: playbook.max_wait_ms,
      idempotent: playbook.idempotent,
      injection,
    };
  }
  const steps = diagnosis.commands.map(({ command, explanation }, i) => ({ number: i + 1, command, explanation }));
  const rollback = diagnosis.commands.flatMap((one, i) =>
    one.rollback === null ? [] : [{ number: i + 1, command: one.rollback, explanation: `undoes ${one.command}` }],
  );
  return {
    diagnosis,
    pre: [],
    steps,
    post: [],
    rollback,
    verify_within: VERIFY_WITHIN_MS,
    idempotent: false,
    injection,
  };
}
