import { decodeCbor } from '../broker/cbor.ts';
import { type Order, order as orderShape } from '../broker/messages.ts';
import { peek } from '../broker/signed.ts';
import type { Incident, PlannedCommand, SentOrder } from '../hub/incident.ts';

/** The command that an order is at: the first one for which no result has come. */
export interface Running {
  readonly command: PlannedCommand;
  /** Milliseconds since the epoch at which the one before ended, or the order was sent. */
  readonly since: number;
  /** The how manyth of how many it is, checks included. */
  readonly place: number;
  readonly of: number;
  readonly dryRun: boolean;
}

/** Where the newest order stands; null when none is under way. An agent says a result when a command has ended. */
export function runningNow({ plan, orders, results }: Incident): Running | null {
  const order = orders.at(-1);
  if (plan === null || order === undefined) return null;
  const known = results.filter((result) => result.order === order.id);
  if (known.some(({ last }) => last)) return null;
  const programs = programsOf(order);
  const at = programs.findIndex(
    ({ phase, number }) => !known.some(({ step }) => step?.phase === phase && step.number === number),
  );
  const next = programs[at];
  const all = [...plan.pre, ...plan.steps, ...plan.post, ...plan.rollback];
  const command = all.find(({ phase, number }) => phase === next?.phase && number === next.number);
  if (command === undefined) return null;
  const since = Math.max(order.sent, ...known.map(({ ended }) => ended));
  return { command, since, place: at + 1, of: programs.length, dryRun: order.dry_run };
}

/** What was ordered, by the order's own bytes; nothing where they don't read. */
function programsOf({ bytes }: SentOrder): Order['programs'] {
  try {
    return orderShape(decodeCbor(peek(bytes)), '').programs;
  } catch {
    return [];
  }
}
