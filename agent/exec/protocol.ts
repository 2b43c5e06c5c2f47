import { LIMITS, PHASES, RESULT_STATES } from '../../broker/messages.ts';
import { bool, bytes, type Infer, int, maybe, oneOf, pattern, record, text } from '../../broker/shape.ts';
import { ID } from '../../broker/topics.ts';
import { upgradeAnswer } from '../../broker/upgrade-messages.ts';

/**
 * What the sensing agent and the executor say to each other over a local socket, as CBOR with its length before it
 * (broker/framed.ts). The executor believes nothing of a request but what is signed inside it; a wish to run dry is
 * the one thing that is taken on trust, since it can only make less happen.
 */
const id = pattern(ID, 'an id: a-z, 0-9 and dashes, at most 48');

/** The executor's first words on every connection: what it would do. */
export const hello = record({
  version: int(1, 1),
  agent: id,
  live: bool,
  privileged: bool,
  /** It takes other versions of the agent over the mesh. */
  upgrades: maybe(bool),
});
export type Hello = Infer<typeof hello>;

/** An order, and the signed messages that it is checked with; each as it came over the wire. */
export const request = record({
  order: bytes(LIMITS.payload),
  roster: bytes(LIMITS.payload),
  /** The newest stored-through: the hub's signed time and the head of its audit chain. */
  ack: maybe(bytes(LIMITS.payload)),
  /** The last halt or lift. */
  halt: maybe(bytes(LIMITS.payload)),
  /** The last checkpoint: it names what is remembered no more. */
  checkpoint: maybe(bytes(LIMITS.payload)),
  dry: bool,
});
export type Request = Infer<typeof request>;

/** A halt by itself: it waits for no order to end. */
export const haltRequest = record({ halt: bytes(LIMITS.payload), roster: bytes(LIMITS.payload) });
export type HaltRequest = Infer<typeof haltRequest>;

/** What the hub tells all, by itself: who may approve, and what is revoked. It waits for no order to end. */
export const wordRequest = record({ roster: bytes(LIMITS.payload), checkpoint: maybe(bytes(LIMITS.payload)) });
export type WordRequest = Infer<typeof wordRequest>;

/** A word of the hub's about an upgrade, as it came. */
export const upgradeRequest = record({
  upgrade: bytes(LIMITS.payload),
  roster: bytes(LIMITS.payload),
  ack: maybe(bytes(LIMITS.payload)),
  halt: maybe(bytes(LIMITS.payload)),
  dry: bool,
});
export type UpgradeRequest = Infer<typeof upgradeRequest>;

const millis = int(0, 8_640_000_000_000_000);

/** One step as it ended; the fields are those of a result. */
const report = record({
  step: maybe(record({ phase: oneOf(...PHASES), number: int(1, LIMITS.programs) })),
  state: oneOf(...RESULT_STATES),
  code: maybe(text(128)),
  exit: maybe(int(0, 255)),
  signal: maybe(text(16)),
  started: millis,
  ended: millis,
  stdout: text(LIMITS.output),
  stderr: text(LIMITS.output),
  truncated: bool,
  last: bool,
});

/** A report, or that there is no more to come; `refused` when the request could not even be read as an order. */
export const answer = record({
  kind: oneOf('report', 'end', 'refused'),
  report: maybe(report),
  /** What there is to say of an upgrade that was asked about. */
  upgrade: maybe(upgradeAnswer),
  code: maybe(text(128)),
  message: maybe(text(1_024)),
});
export type Answer = Infer<typeof answer>;
