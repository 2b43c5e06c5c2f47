import { type Decided, earlierOf } from '../decided.ts';
import { type Hub, TIMES } from '../hub.ts';
import type { Incident } from '../incident.ts';
import { askReasoner } from '../reason/ask.ts';
import { causeTried } from '../reason/rules.ts';
import { playbooksHash, programHash } from '../replay/program.ts';
import { moved } from '../store/incidents.ts';
import { ownerOf } from './owner.ts';
import type { Outcome, Step } from './step.ts';
import { triedBefore } from './tried.ts';

/**
 * Asks every reasoner, side by side, under one deadline. `rules` always answers; a model that is broken, slow or
 * wrong costs its own answer and nothing else.
 */
export const diagnose: Step = {
  name: 'diagnose',
  slow: true,
  ready: ({ state, diagnoses }) => (state === 'diagnosing' && diagnoses.length === 0) || state === 'rolled_back',
  async run(incident: Incident, hub: Hub): Promise<Outcome> {
    const { evidence } = incident;
    const now = hub.now();
    if (incident.state === 'rolled_back' || evidence === null) return again(incident, now);

    const tried = triedBefore(hub.store, incident.id);
    const deadline = AbortSignal.timeout(TIMES.reasoning);
    const answers = await Promise.all(
      hub.reasoners.map((reasoner) => {
        const thought = hub.thoughts.begin(reasoner.name, evidence, now);
        return askReasoner(reasoner, evidence, deadline, thought).finally(() => thought.end());
      }),
    );
    const diagnoses = answers.flatMap((answer) => (answer.diagnosis === null ? [] : [answer.diagnosis]));
    const notes = answers.flatMap((answer) => answer.notes);
    const decided: Decided = {
      program: programHash(),
      playbooks: playbooksHash(hub.playbooks),
      tried,
      silent: answers.flatMap((answer) => (answer.diagnosis === null ? answer.notes : [])),
    };
    const audit = {
      kind: 'incident.diagnosed',
      incident: incident.id,
      actor: 'hub',
      data: { diagnoses, notes, decided },
    };
    for (const note of notes) hub.log.warn(note, { incident: incident.id });
    if (diagnoses.length === 0) {
      const change = { now, by: 'hub', note: 'no reasoner had an answer', reason: 'no_diagnosis' };
      return {
        kind: 'move',
        incident: moved(incident, 'escalated', change, { owner: ownerOf(hub, incident.host) }),
        audit,
      };
    }
    const by = diagnoses.map((one) => one.by).join(', ');
    return {
      kind: 'move',
      incident: moved(incident, 'diagnosing', { now, by: 'hub', note: `diagnosed by ${by}` }, { diagnoses, decided }),
      audit,
    };
  },
};

/** After an undone fix the incident is thought about once more, without the playbooks that were tried. */
function again(incident: Incident, now: number): Outcome {
  const { plan } = incident;
  const ran = plan === null ? [] : [plan.playbook ?? causeTried(plan.class ?? 'unknown')];
  const tried = [...incident.tried, ...ran];
  const { watched: _, decided: __, ...rest } = incident;
  const before = earlierOf(incident);
  const cleared = {
    tried,
    ...(before === null ? {} : { earlier: [...(incident.earlier ?? []), before] }),
    diagnoses: [],
    draft: null,
    plan: null,
    plan_hash: null,
    approval: null,
    orders: [],
    results: [],
  };
  const next = moved(rest, 'diagnosing', { now, by: 'hub', note: 'looking for another way' }, cleared);
  return {
    kind: 'move',
    incident: next,
    audit: { kind: 'incident.reconsidered', incident: incident.id, actor: 'hub', data: { tried } },
  };
}
