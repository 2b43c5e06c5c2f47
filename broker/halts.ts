import { decodeCbor, encodeCbor } from './cbor.ts';
import type { KeyPair } from './keys.ts';
import { auditHead, type Roster } from './messages.ts';
import { REMEMBER } from './remembered.ts';
import { coversSite } from './scopes.ts';
import { bool, bytes, type Infer, int, list, maybe, pattern, record, text } from './shape.ts';
import { open, SignatureError, seal } from './signed.ts';
import { NAMESPACES, type Namespace, sshSign, sshVerify } from './sshsig.ts';
import { ID } from './topics.ts';

const name = text(128);

/** Whether execution is halted: signed by the hub with a counter that only grows, retained, and kept by every agent. */
export const haltShape = record({
  site: pattern(ID, 'an id'),
  epoch: int(1),
  counter: int(1),
  halted: bool,
  at: int(),
  by: name,
  reason: text(500),
  /** A lift carries what an admin signed; a halt needs nobody's word but the hub's. */
  lift: maybe(bytes(1_024)),
  lift_signature: maybe(bytes(1_024)),
});
export type Halt = Infer<typeof haltShape>;

/** What an admin signs to lift a halt: up to which counter, so that an old lift never lifts a newer halt. */
export const liftShape = record({ site: pattern(ID, 'an id'), counter: int(1), by: name });
export type Lift = Infer<typeof liftShape>;

export interface SignedLift {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

export function signLift(lift: Lift, admin: KeyPair): SignedLift {
  const payload = encodeCbor(lift);
  return { payload, signature: sshSign(payload, NAMESPACES.halt, admin) };
}

/** The same with a key that is elsewhere, as an ssh-agent holds it: `sign` makes the SSHSIG blob. */
export async function signLiftBy(
  lift: Lift,
  sign: (message: Uint8Array, namespace: Namespace) => Promise<Uint8Array>,
): Promise<SignedLift> {
  const payload = encodeCbor(lift);
  return { payload, signature: await sign(payload, NAMESPACES.halt) };
}

/** The lift, if an admin on the roster signed it for this site. Throws SignatureError or ShapeError. */
export function openLift({ payload, signature }: SignedLift, roster: Roster): Lift {
  const lift = liftShape(decodeCbor(payload), '');
  const admin = roster.operators.find((one) => one.name === lift.by && one.role === 'admin');
  if (admin === undefined || !coversSite(admin) || lift.site !== roster.site)
    throw new SignatureError(`${lift.by} is no admin of ${lift.site} who could lift a halt`);
  sshVerify(payload, signature, NAMESPACES.halt, admin.key, admin.sk);
  return lift;
}

export const sealHalt = (halt: Halt, hub: KeyPair): Uint8Array => seal('halt', encodeCbor(halt), hub);

/**
 * A halt or a lift as an agent believes it: by the hub of this epoch, and a lift by an admin besides. The hub's key alone
 * stops, and starts nothing again. Throws SignatureError or ShapeError.
 */
export function openHalt(message: Uint8Array, roster: Roster): Halt {
  const halt = haltShape(decodeCbor(open('halt', message, roster.hub_key)), '');
  if (halt.site !== roster.site || halt.epoch !== roster.epoch)
    throw new SignatureError(`a halt of ${halt.site}, epoch ${halt.epoch}`);
  if (halt.halted) return halt;
  const { lift: payload, lift_signature: signature } = halt;
  if (payload === undefined || signature === undefined) throw new SignatureError('a lift that no admin has signed');
  if (openLift({ payload, signature }, roster).counter !== halt.counter - 1)
    throw new SignatureError('the admin has lifted another halt');
  return halt;
}

/** Where the audit chain stood at a time: signed by the hub, retained, and held against what each agent has seen. */
export const checkpointShape = record({
  site: pattern(ID, 'an id'),
  epoch: int(1),
  now: int(),
  audit_head: auditHead,
  /** Root of the Merkle tree (RFC 6962) over the hashes of the records up to that head. */
  root: maybe(bytes(32, true)),
  /** Approvals that are remembered no more though their time is not over (broker/remembered.ts), by id. */
  revoked: maybe(list(pattern(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'a ULID'), REMEMBER.rules)),
});
export type Checkpoint = Infer<typeof checkpointShape>;

export const sealCheckpoint = (checkpoint: Checkpoint, hub: KeyPair): Uint8Array =>
  seal('checkpoint', encodeCbor(checkpoint), hub);

/** A checkpoint by the hub of this epoch. Throws SignatureError or ShapeError. */
export function openCheckpoint(message: Uint8Array, roster: Roster): Checkpoint {
  const checkpoint = checkpointShape(decodeCbor(open('checkpoint', message, roster.hub_key)), '');
  if (checkpoint.site !== roster.site || checkpoint.epoch !== roster.epoch)
    throw new SignatureError(`a checkpoint of ${checkpoint.site}, epoch ${checkpoint.epoch}`);
  return checkpoint;
}

/**
 * A checkpoint that the hub of this site signed once, in whichever epoch and with whichever of its order keys: what an
 * audit chain is held against. Throws SignatureError or ShapeError.
 */
export function openFormerCheckpoint(message: Uint8Array, keys: readonly Uint8Array[]): Checkpoint {
  const [key, ...others] = keys;
  if (key === undefined) throw new SignatureError('no key of the hub is known for this checkpoint');
  try {
    return checkpointShape(decodeCbor(open('checkpoint', message, key)), '');
  } catch (error) {
    if (others.length === 0 || !(error instanceof SignatureError)) throw error;
    return openFormerCheckpoint(message, others);
  }
}
