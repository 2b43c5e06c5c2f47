import type { Inventory } from '../../policy/verdict.ts';
import { type Decided, earlierOf } from '../decided.ts';
import { type Evidence, processesOf } from '../evidence/evidence.ts';
import type { Draft, Incident, Plan, Route } from '../incident.ts';
import type { Diagnosis } from '../reason/reasoner.ts';
import { NO_NAMES } from '../steps/plan-of.ts';

/** One decision as it was recorded: what it rested on, and what came of it, step by step. */
export interface DecisionRecord {
  readonly evidence: Evidence;
  /** Names on the host when the evidence was gathered; undefined where none was known. */
  readonly gathered: Inventory | undefined;
  /** Names that the policy judged by. */
  readonly vetted: Inventory;
  /** Undefined: a version decided that recorded none of it. */
  readonly decided: Decided | undefined;
  readonly diagnoses: readonly Diagnosis[];
  readonly draft: Draft;
  readonly plan: Plan;
  readonly plan_hash: string;
  /** Which way the plan was sent, and the incident that it is about; undefined where it was not sent on. */
  readonly sent: { readonly incident: Incident; readonly route: Route | undefined } | undefined;
}

/** The decisions on one incident, oldest first; none where it was never diagnosed. */
export function recordsOf(incident: Incident): readonly DecisionRecord[] {
  const { evidence, inventory, earlier = [] } = incident;
  if (evidence === null) return [];
  return [...earlier, earlierOf(incident)].flatMap((one): readonly DecisionRecord[] => {
    if (one === null || one.draft === null || one.plan === null || one.plan_hash === null) return [];
    const { decided, diagnoses, draft, plan, plan_hash, route } = one;
    const vetted = decided?.inventory ?? inventory ?? { ...NO_NAMES, processes: processesOf(evidence) };
    const sent = { incident, route };
    return [{ evidence, gathered: inventory, vetted, decided, diagnoses, draft, plan, plan_hash, sent }];
  });
}
