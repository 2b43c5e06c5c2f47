import type { Approval, Order, Phase, Result } from '../broker/messages.ts';
import type { Journal } from './journal.ts';
import { OrderError } from './open-order.ts';

type Named = Pick<Order['programs'][number], 'phase' | 'number'>;

/**
 * What was done is checked and undone within so long, by its approval; then the host is another, and whether to undo is a
 * person's to say. Without an end a stolen hub could undo, one by one, whatever ever helped.
 */
export const AFTERMATH_MS = 86_400_000;

/** A step by its name within a plan. */
export const nameOf = ({ phase, number }: Named): string => `${phase}.${number}`;

/** Whether a phase comes after what it is for: it needs no approval that is good by now, since what began had one. */
export const isAfter = (phase: Phase): boolean => phase === 'post' || phase === 'rollback';

/**
 * The order of a plan is part of what was approved, and a hub can't change it: a step needs every pre-check and every
 * step before it, an undoing or a check needs that there is something to undo or to check, begun within a day. `passed` are
 * those that ran dry in this order; `now` is the site's time. Throws OrderError.
 */
export function checkSequence(
  { phase, number }: Named,
  approval: Approval,
  { journal, passed, now }: { readonly journal: Journal; readonly passed: ReadonlySet<string>; readonly now: number },
): void {
  const reached = (one: Named, states: readonly Result['state'][]) => {
    const known = journal.known({ approval: approval.id, phase: one.phase, number: one.number });
    return passed.has(nameOf(one)) || (known.state === 'ended' && states.includes(known.ending.state));
  };
  if (!isAfter(phase)) {
    const before = approval.programs.filter(
      (one) => (one.phase === phase && one.number < number) || (phase === 'step' && one.phase === 'pre'),
    );
    const missing = before.find((one) => !reached(one, ['done']));
    if (missing !== undefined)
      throw new OrderError('E_ORDER_SEQUENCE', `${phase} ${number} before ${missing.phase} ${missing.number}`);
    return;
  }
  const began = approval.programs.some(
    (one) =>
      one.phase === 'step' &&
      (phase === 'post' || one.number === number) &&
      reached(one, ['done', 'failed', 'timeout']),
  );
  if (!began) throw new OrderError('E_ORDER_SEQUENCE', `${phase} ${number} without the step that it is for`);
  const last = journal.lastStepOf(approval.id);
  if (last !== undefined && now > last + AFTERMATH_MS)
    throw new OrderError(
      'E_ORDER_LATE',
      `${phase} ${number} a day after the last step: whether to is a person's to say`,
    );
}
