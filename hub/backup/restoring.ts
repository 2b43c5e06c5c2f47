import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StateError, type StateFolder } from '../../broker/state-folder.ts';

/** Lies there from a restore's first change to its last. */
export const restoringFile = (state: StateFolder): string => join(state.hub, 'restoring');

/** Throws E_STATE_BROKEN where a restore was cut short: keys and store may be of two times. */
export function refuseHalfRestored(state: StateFolder): void {
  if (existsSync(restoringFile(state)))
    throw new StateError('E_STATE_BROKEN', `a restore into ${state.root} was cut short: run sentinel restore again.`);
}
