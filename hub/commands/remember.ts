import { UsageError } from '../../broker/command-line.ts';
import { REMEMBER, type RememberedRule } from '../../broker/remembered.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import type { Acting } from '../acts/client.ts';
import { ruleFor } from '../acts/remembering.ts';
import type { Incident } from '../incident.ts';
import type { Store } from '../store/store.ts';

/** What of `incident approve` says that the approval is to be remembered. */
export interface RememberFlags {
  readonly remember?: string | undefined;
  /** Hosts beside the incident's own. */
  readonly on?: readonly string[] | undefined;
}

/**
 * The rule that the flags ask for, to be shown before anything is signed; null where none is wanted. Throws UsageError,
 * or ActError with the reason why this one is a person's each time.
 */
export function wantedRule(
  from: { readonly state: StateFolder; readonly store: Store },
  incident: Incident,
  operator: Acting,
  reviewed: readonly number[],
  flags: RememberFlags,
  now: number,
): RememberedRule | null {
  if (flags.remember === undefined) {
    if (flags.on !== undefined) throw new UsageError('--on names hosts for --remember DAYS');
    return null;
  }
  const days = Number(flags.remember);
  if (!Number.isInteger(days) || days < 1 || days > REMEMBER.days)
    throw new UsageError(`--remember takes 1 to ${REMEMBER.days} days`);
  return ruleFor(from, incident, operator, { reviewed, days, on: flags.on ?? [] }, now);
}
