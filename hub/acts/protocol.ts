import { said } from '../../broker/messages.ts';
import { PROBE_LIMITS, PROBE_STATES } from '../../broker/probe-messages.ts';
import { bool, bytes, type Infer, int, list, maybe, oneOf, pattern, record, text } from '../../broker/shape.ts';
import { ID } from '../../broker/topics.ts';
import { THOUGHT_LIMITS } from '../reason/thinking.ts';
import { TOKEN_HOURS } from '../site/enrollment.ts';

/**
 * The acting link on this machine: a unix socket (0660). The hub greets with a challenge, the client answers with its
 * operator's name and signature over it, then asks; each answer echoes the question's `tx`.
 */
const incident = pattern(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'an incident id');
const hold = pattern(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'a hold id');
const silence = pattern(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'a silence id');
const millis = int(0, 8_640_000_000_000_000);

export const greeting = record({ site: text(64), challenge: bytes(32, true) });
export const hello = record({ operator: text(128), signature: bytes(1_024) });
export const welcome = record({ ok: oneOf('yes'), role: oneOf('viewer', 'approver', 'admin') });

/** What an order has room for: an approval that is larger could be given here and never be carried out. */
const APPROVAL_MAX = 16_384;

export const request = record({
  tx: int(1),
  verb: oneOf(
    'approve',
    'second',
    'reject',
    'ack',
    'cancel',
    'silence',
    'unsilence',
    'hold',
    'release',
    'enroll',
    'revoke',
    'roster',
    'halt',
    'lift',
    'probe',
    'look',
    'remember',
    'forget',
  ),
  /** What approve, second, reject, ack and cancel are about, and a hold on one incident. */
  incident: maybe(incident),
  /** enroll, revoke: which host. */
  agent: maybe(pattern(ID, 'an id')),
  /** enroll: how long the token counts, and HOST:PORT of the enrolment door where the hub's own choice is not reached. */
  hours: maybe(int(1, TOKEN_HOURS.most)),
  at: maybe(text(300)),
  /** approve, second, lift, remember: what was signed. roster: the roster as the site root signed it. */
  payload: maybe(bytes(APPROVAL_MAX)),
  signature: maybe(bytes(1_024)),
  /** reject, cancel, silence, hold, release, halt: why, for the record. */
  note: maybe(text(500)),
  /** silence, hold: an expression; silence: and for how many milliseconds from when it begins. */
  match: maybe(text(500)),
  from: maybe(millis),
  until: maybe(millis),
  /** probe: which of the catalogue, and the name or pid that it is about. */
  probe: maybe(text(64)),
  name: maybe(text(1_024)),
  /** look: which screen of this operator's it is. */
  session: maybe(pattern(/^[0-9a-f]{16}$/, '16 hex digits')),
  /** unsilence, release: which. */
  silence: maybe(silence),
  hold: maybe(hold),
  /** forget: which approval is remembered no more. */
  rule: maybe(pattern(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'a rule id')),
});
export type Request = Infer<typeof request>;

export const response = record({
  tx: int(0),
  ok: oneOf('yes', 'no'),
  code: maybe(text(64)),
  message: maybe(text(1_000)),
  /** What was asked for: a join token. */
  text: maybe(text(2_000)),
  /** look: the others who look at this incident now. */
  looking: maybe(list(text(128), 256)),
  /** look: what the reasoners are thinking about it now; absent while none is. */
  thinking: maybe(
    list(
      record({
        by: text(THOUGHT_LIMITS.name),
        stage: text(THOUGHT_LIMITS.name),
        text: text(THOUGHT_LIMITS.bytes),
        since: millis,
      }),
      THOUGHT_LIMITS.shown,
    ),
  ),
  /** probe: what the agent said. */
  probe: maybe(
    record({
      state: oneOf(...PROBE_STATES, 'silent'),
      code: text(64),
      lines: list(said, PROBE_LIMITS.lines),
      truncated: bool,
    }),
  ),
});
export type Response = Infer<typeof response>;

/** What is signed to enter: the site's name keeps a challenge of one site from being used at another. */
export function challengeBytes(site: string, challenge: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([Buffer.from(`sentinel-session\n${site}\n`), challenge]));
}
