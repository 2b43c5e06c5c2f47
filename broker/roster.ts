import { decodeCbor, encodeCbor } from './cbor.ts';
import type { KeyPair } from './keys.ts';
import { type Roster, roster as rosterShape } from './messages.ts';
import { open, seal } from './signed.ts';
import type { SshKey } from './ssh-wire.ts';

export type Operator = Roster['operators'][number];

export class RosterError extends Error {
  readonly code = 'E_ROSTER_OLD';
}

/** The roster as it travels: signed by the site root. */
export function sealRoster(roster: Roster, siteRoot: KeyPair): Uint8Array {
  return seal('roster', encodeCbor(roster), siteRoot);
}

/**
 * Opens a roster under the pinned site root. `known` is the highest version seen so far: a lower one is refused, so
 * that a revoked operator can't come back with an old roster.
 */
export function openRoster(message: Uint8Array, siteRoot: Uint8Array, known = 0): Roster {
  const roster = rosterShape(decodeCbor(open('roster', message, siteRoot)), '');
  if (roster.version < known) throw new RosterError(`roster version ${roster.version} is older than ${known}`);
  return roster;
}

/** Every key that an operator of this name has had, the present one first: each shows who has signed, and that one alone acts. */
export const keysOf = ({ operators, former = [] }: Roster, name: string): readonly SshKey[] =>
  [...operators, ...former].filter((one) => one.name === name);

/** Every order key that this site's hub has had, oldest first: what its audit chain is signed with. */
export const hubKeys = (roster: Roster): readonly Uint8Array[] => [...(roster.retired ?? []), roster.hub_key];
