import { REMEMBER } from '../broker/remembered.ts';
import { list, maybe, pattern } from '../broker/shape.ts';
import { timeOfUlid } from '../broker/ulid.ts';

const ulid = pattern(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'a ULID');

/** What an agent keeps of the approvals that are remembered no more, beside the rest of its memory. */
export const revocations = {
  /** By id, the oldest first. */
  revoked: maybe(list(ulid, REMEMBER.rules)),
  /** Up to this id, which begins with when it was made, all are. */
  revoked_through: maybe(ulid),
};

export interface Revocations {
  readonly revoked?: readonly string[];
  readonly revoked_through?: string;
}

/** An id may be so much later than this host's time: who signed it has another clock. */
const AHEAD_MS = 86_400_000;

/**
 * With these revoked too. There is room for so many: past it the oldest takes with it whatever was made before, so that a
 * hub that revokes without end takes away more, and never brings one back. But nothing of a day after `now` is taken so,
 * and such an id makes room first: or one stolen hub would have revoked all that will ever be signed.
 */
export function withRevoked(
  { revoked = [], revoked_through: before = '' }: Revocations,
  ids: readonly string[],
  now: number,
): Revocations {
  const all = [...new Set([...revoked, ...ids])].filter((id) => id > before).sort();
  const come = all.filter((id) => timeOfUlid(id) <= now + AHEAD_MS);
  const toCome = all.slice(come.length, Math.max(come.length, REMEMBER.rules));
  const kept = [...come.slice(-REMEMBER.rules), ...toCome];
  const through = come.at(-REMEMBER.rules - 1) ?? before;
  return {
    ...(kept.length === 0 ? {} : { revoked: kept }),
    ...(through === '' ? {} : { revoked_through: through }),
  };
}

export const isRevoked = ({ revoked = [], revoked_through: through = '' }: Revocations, id: string): boolean =>
  id <= through || revoked.includes(id);
