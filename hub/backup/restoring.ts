import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StateError, type StateFolder } from '../../broker/state-folder.ts';

/** Lies there from a restore's first change to its last, and names the backup. */
export const restoringFile = (state: StateFolder): string => join(state.hub, 'restoring');

/** What a restore that was cut short leaves to be done; null where none was. Keys and store may be of two times then. */
export function halfRestored(state: StateFolder): { readonly what: string; readonly todo: string } | null {
  let backup: string;
  try {
    backup = readFileSync(restoringFile(state), 'utf8').trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    // It lies there.
    backup = 'a backup';
  }
  return { what: `a restore of ${backup} into ${state.root} was cut short`, todo: 'run sentinel restore again' };
}

/** Throws E_STATE_BROKEN where a restore was cut short. */
export function refuseHalfRestored(state: StateFolder): void {
  const half = halfRestored(state);
  if (half !== null) throw new StateError('E_STATE_BROKEN', `${half.what}: ${half.todo}.`);
}
