import type { Operator } from '../../broker/roster.ts';
import { ceilingOf, isWithin } from '../../broker/scopes.ts';
import type { Plan, PlannedCommand } from '../incident.ts';

/** The first command of what this consent lets run, checks and undoing included, that is worse than the operator may approve. */
export function beyondCeiling(
  operator: Operator,
  plan: Plan,
  runs: readonly PlannedCommand[],
): PlannedCommand | undefined {
  const ceiling = ceilingOf([operator]);
  const undone = plan.rollback.filter((undo) => runs.some(({ number }) => number === undo.number));
  return [...plan.pre, ...runs, ...plan.post, ...undone].find(({ verdict }) => !isWithin(verdict.effect, ceiling));
}
