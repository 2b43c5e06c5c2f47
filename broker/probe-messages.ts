import { processRef, said } from './messages.ts';
import { bool, type Infer, int, list, maybe, oneOf, pattern, record, text } from './shape.ts';
import { ID } from './topics.ts';

/** How much one answer may hold, and how long a question is good for. */
export const PROBE_LIMITS = {
  /** Two screens, and a model's prompt with room for more than one answer. */
  lines: 80,
  /** Bytes of all lines together: a quarter of a message. */
  bytes: 16_384,
  /** An agent gives up after this; the hub waits a little longer, for the way. */
  answer_ms: 8_000,
  wait_ms: 11_000,
  /** A question that lies about for longer, on a broker or on a wire, is not answered any more. */
  valid_ms: 60_000,
} as const;

const id = pattern(ID, 'an id: a-z, 0-9 and dashes, at most 48');
const boot = pattern(/^[0-9a-f]{16}$/, '16 hex digits');
const ulid = pattern(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'a ULID');
const millis = int(0, 8_640_000_000_000_000);

/** Signed by the hub's order key, sent where orders are. It changes nothing, so no operator signs it and dry run answers it. */
export const probeRequest = record({
  id: ulid,
  site: id,
  epoch: int(1),
  agent: id,
  boot,
  /** One of the catalogue; text, so that an older agent refuses a newer question by its name. */
  probe: text(64),
  /** The unit, folder or host that it is about, from the inventory. */
  name: maybe(text(1_024)),
  /** The process that it is about, as the evidence has it. */
  process: maybe(processRef),
  not_after: millis,
});
export type ProbeRequest = Infer<typeof probeRequest>;

export const PROBE_STATES = ['done', 'refused', 'failed', 'timeout'] as const;

/** Signed by the agent, sent where results are. Never stored by the agent: a question whose answer is lost is asked again. */
export const probeResult = record({
  agent: id,
  boot,
  id: ulid,
  probe: text(64),
  state: oneOf(...PROBE_STATES),
  code: maybe(text(64)),
  lines: list(said, PROBE_LIMITS.lines),
  /** Lines were left out. */
  truncated: bool,
  started: millis,
  ended: millis,
});
export type ProbeResult = Infer<typeof probeResult>;
