import type { Plan } from '../incident.ts';
import { askReasoner } from '../reason/ask.ts';
import type { Diagnosis, Reasoner } from '../reason/reasoner.ts';
import { CALIBRATED, reconcile, validateDiagnosis } from '../reason/validate.ts';
import { draftOf } from '../steps/draft-of.ts';
import { planOf } from '../steps/plan-of.ts';
import type { DecisionRecord } from './record.ts';
import type { ReplayParts } from './replay.ts';

/** What an answer comes to, for people to hold beside another. */
export interface Answer {
  readonly by: string;
  readonly class: string;
  readonly root_cause: string;
  readonly confidence: number;
  readonly playbook: string | null;
  readonly commands: readonly { readonly command: string; readonly verdict: string }[];
  readonly needs_human: boolean;
  readonly ms: number;
}

/** A past decision beside what would have been decided with another model. */
export interface Comparison {
  readonly was: Answer;
  readonly is: Answer;
  /** The other model's own answer; null when it gave none. */
  readonly alone: Diagnosis | null;
  readonly notes: readonly string[];
  /** The same class of cause, and the same commands. */
  readonly same: boolean;
}

/** Asks another model about a recorded incident, beside what `rules` said then. Rejects as `replayDecision` does. */
export async function compareWith(
  { evidence, diagnoses, plan, vetted }: DecisionRecord,
  other: Reasoner | null,
  { playbooks, policy, deadlineMs }: Omit<ReplayParts, 'modelOf'>,
): Promise<Comparison> {
  const asked = other === null ? null : await askReasoner(other, evidence, AbortSignal.timeout(deadlineMs));
  const alone = asked?.diagnosis ?? null;
  const rules = diagnoses.filter(({ by }) => by === CALIBRATED);
  const diagnosis = reconcile(alone === null ? rules : [alone, ...rules], evidence);
  const checked = validateDiagnosis(diagnosis, evidence);
  const injection = 'injection' in checked && checked.injection;
  const draft = draftOf(diagnosis, { evidence, playbooks, injection });
  const otherPlan = planOf(draft, { incident: plan.incident, inventory: vetted, policy, now: evidence.taken });
  const before = Math.max(0, ...diagnoses.map(({ ms }) => ms));
  const [was, is] = [answerOf(plan, before), answerOf(otherPlan, diagnosis.ms)];
  const same = was.class === is.class && JSON.stringify(was.commands) === JSON.stringify(is.commands);
  return { was, is, alone, notes: asked?.notes ?? [], same };
}

function answerOf(plan: Plan, ms: number): Answer {
  const { by, class: of = 'unknown', root_cause, confidence, playbook, needs_human } = plan;
  const commands = plan.steps.map(({ command, verdict }) => ({ command, verdict: verdict.decision }));
  return { by, class: of, root_cause, confidence, playbook, commands, needs_human, ms };
}
