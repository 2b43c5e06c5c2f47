import type { Policy } from '../../policy/policy.ts';
import { buildEvidence } from '../evidence/builder.ts';
import { type Evidence, processesOf } from '../evidence/evidence.ts';
import type { Plan } from '../incident.ts';
import { planHash } from '../plan-hash.ts';
import type { Playbook } from '../playbook/playbook.ts';
import { askReasoner } from '../reason/ask.ts';
import type { Diagnosis, Reasoner } from '../reason/reasoner.ts';
import { candidatePlaybooks } from '../reason/retrieval.ts';
import { reconcile, validateDiagnosis } from '../reason/validate.ts';
import { playbooksHash, programHash } from '../replay/program.ts';
import type { DecisionRecord } from '../replay/record.ts';
import { draftOf } from '../steps/draft-of.ts';
import { planOf, refused } from '../steps/plan-of.ts';
import { heardOf } from './heard.ts';
import type { Situation } from './scenario.ts';

/** What the hub thinks with. */
export interface EvalParts {
  readonly policy: Policy;
  readonly playbooks: ReadonlyMap<string, Playbook>;
  /** Asked in this order, as in the hub: a model first, `rules` last. */
  readonly reasoners: readonly Reasoner[];
  /** One scenario's reasoners together, in milliseconds. */
  readonly deadlineMs: number;
}

/** The line that `sentinel eval` prints for a scenario (docs/design.md section 9). */
export interface AnswerLine {
  readonly id: string;
  readonly root_cause: string;
  readonly confidence: number;
  readonly commands: readonly { readonly command: string; readonly verdict: string }[];
  readonly alternatives: readonly string[];
  readonly needs_human: boolean;
  readonly ms: number;
}

/** The whole way of one scenario: what was known, who said what, what the policy made of it. */
export interface Trajectory {
  readonly line: AnswerLine;
  readonly evidence: Evidence;
  readonly diagnoses: readonly Diagnosis[];
  readonly diagnosis: Diagnosis;
  readonly plan: Plan;
  /** Untrusted evidence addresses its reader. */
  readonly injection: boolean;
  readonly notes: readonly string[];
  /** All that a replay needs to decide it again. */
  readonly record: DecisionRecord;
}

/** Any ULID serves: nothing is stored. */
const INCIDENT = '01EVAL00000000000000000000';

/**
 * Takes one scenario the hub's own way: evidence, reasoners, validator, reconciliation, draft, policy. Nothing of the
 * answer key is looked at here.
 */
export async function runScenario(situation: Situation, parts: EvalParts): Promise<Trajectory> {
  const began = performance.now();
  const { event, also, inventory } = heardOf(situation);
  const evidence = buildEvidence({
    incidentId: INCIDENT,
    host: situation.host,
    event,
    now: event.ts,
    similar: [],
    playbooks: candidatePlaybooks(parts.playbooks, event),
    service: {},
    processes: inventory.processes,
    units: inventory.units,
    also,
  });
  const deadline = AbortSignal.timeout(parts.deadlineMs);
  const asked = await Promise.all(parts.reasoners.map((one) => askReasoner(one, evidence, deadline)));
  const diagnoses = asked.flatMap(({ diagnosis }) => (diagnosis === null ? [] : [diagnosis]));
  const diagnosis = reconcile(diagnoses, evidence);
  const checked = validateDiagnosis(diagnosis, evidence);
  const injection = 'injection' in checked && checked.injection;
  const draft = draftOf(diagnosis, { evidence, playbooks: parts.playbooks, injection });
  const named = { ...inventory, processes: processesOf(evidence) };
  const plan = planOf(draft, { incident: INCIDENT, inventory: named, policy: parts.policy, now: event.ts });
  const decided = {
    program: programHash(),
    playbooks: playbooksHash(parts.playbooks),
    tried: [],
    silent: asked.flatMap(({ diagnosis: said, notes }) => (said === null ? notes : [])),
  };
  const judged = { evidence, gathered: named, vetted: named, decided, diagnoses, draft, plan };
  const line = {
    id: situation.id,
    root_cause: plan.root_cause,
    confidence: plan.confidence,
    commands: plan.steps.map(({ command, verdict }) => ({ command, verdict: verdict.decision })),
    alternatives: plan.alternatives,
    // What the hub does not propose is shown to a person, whatever the answer says of itself.
    needs_human: plan.needs_human || refused(plan) !== null,
    ms: Math.round((performance.now() - began) * 10) / 10,
  };
  const notes = asked.flatMap((one) => one.notes);
  const record = { ...judged, plan_hash: planHash(plan), sent: undefined };
  return { line, evidence, diagnoses, diagnosis, plan, injection, notes, record };
}
