import { bytes, type Infer, int, list, maybe, oneOf, pattern, record, text } from './shape.ts';
import { ID } from './topics.ts';

export const ROLES = ['viewer', 'approver', 'admin'] as const;
export type Role = (typeof ROLES)[number];

const name = text(128);
const key = bytes(32, true);
const role = oneOf(...ROLES);
/** Of a key in a security token: the application that it signs for (broker/ssh-sk.ts). */
const sk = maybe(text(64));

/** Which plans two persons must agree to: those that consent to a command under review, or whatever runs. */
export const TWO_PERSON = ['review', 'all'] as const;

/** Signed by the site root: who may approve, and which key gives orders. Its version never goes down. */
export const roster = record({
  site: pattern(ID, 'an id: a-z, 0-9 and dashes, at most 48'),
  version: int(1),
  epoch: int(1),
  hub_key: key,
  operators: list(record({ name, key, sk, role, scopes: list(name, 32) }), 256),
  /** Order keys of earlier days, oldest first: what they signed stays verifiable, and they are obeyed no more. */
  retired: maybe(list(key, 64)),
  /** Operators' keys of earlier days, and the last version in which each counted: what they signed stays verifiable. */
  former: maybe(list(record({ name, key, sk, role, until: int(1) }), 256)),
  /** Where a plan needs two persons' approvals; `where` is a scope (broker/scopes.ts), or `*` for every host. */
  two_person: maybe(list(record({ where: name, plans: oneOf(...TWO_PERSON) }), 32)),
});
export type Roster = Infer<typeof roster>;
