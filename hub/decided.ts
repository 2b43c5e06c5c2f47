import type { Inventory } from '../policy/verdict.ts';
import type { Circumstances } from './automation/may-run-alone.ts';
import type { Incident, Plan, Route } from './incident.ts';

/** What a decision rested on beside its evidence, kept so that it can be made again (invariant 14). */
export interface Decided {
  /** SHA-256 of the code that decided: see replay/program.ts. */
  readonly program: string;
  /** SHA-256 of what its playbooks say. */
  readonly playbooks: string;
  /** Playbooks, and causes that none describes, that counted as tried. */
  readonly tried: readonly string[];
  /** What was noted of the reasoners that gave no answer. */
  readonly silent: readonly string[];
  /** The names that the policy judged by, where the host had other ones than when the evidence was gathered. */
  readonly inventory?: Inventory;
}

/** What of the incident itself decides its way, as it stood then, and what else does. */
export interface RoutedBy extends Circumstances {
  readonly about: Pick<Incident, 'acknowledged' | 'recovered' | 'flapping'>;
  /** Plans that ran alone on the host before it within the hour, null when that used up the budget; absent: not asked. */
  readonly spent?: number | null;
}

/** A decision on an incident that another one followed, since its plan was undone. */
export type Earlier = Pick<Incident, 'diagnoses' | 'draft' | 'plan' | 'plan_hash'> & {
  readonly decided?: Decided;
  readonly route?: Route;
};

/** What is kept of the decision that the incident holds; null while it holds none. */
export function earlierOf(incident: Incident): Earlier | null {
  const { diagnoses, draft, plan, plan_hash, decided, route } = incident;
  if (plan === null) return null;
  return {
    diagnoses,
    draft,
    plan,
    plan_hash,
    ...(decided ? { decided } : {}),
    ...(isOf(plan, route) ? { route } : {}),
  };
}

/** A route is about one plan: that of an earlier one stays until the next is sent its way. */
export const isOf = (plan: Plan, route: Route | undefined): route is Route => route?.plan === plan.id;
