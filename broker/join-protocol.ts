import { bytes, type Infer, int, maybe, oneOf, pattern, record, text } from './shape.ts';
import { ID } from './topics.ts';

/**
 * The enrolment door: CBOR messages (broker/framed.ts) over TLS 1.3 on a port of its own, apart from the broker, so that nobody
 * is ever on the mesh without an identity. One question, one answer, and the connection ends.
 */
export const DEFAULT_ENROLL_PORT = 8884;
/** MQTT over TLS has 8883. */
export const DEFAULT_TLS_PORT = 8883;

/** A P-256 SubjectPublicKeyInfo is 91 bytes. */
const SPKI_MAX = 128;

/** What an agent asks a certificate for; signed by the key that will sign all it says (kind `enroll`). */
export const enrollment = record({
  site: pattern(ID, 'an id'),
  agent: pattern(ID, 'an id'),
  /** Raw Ed25519 public key that signs births, events and results. */
  key: bytes(32, true),
  /** SubjectPublicKeyInfo (DER, P-256) of the new TLS key. */
  tls_key: bytes(SPKI_MAX),
});
export type Enrollment = Infer<typeof enrollment>;

/** `join` shows the secret of a token; `renew` comes over a connection with the present certificate. */
export const enrollRequest = record({
  verb: oneOf('join', 'renew'),
  secret: maybe(bytes(32, true)),
  signed: bytes(1_024),
});

export const enrollAnswer = record({
  ok: oneOf('yes', 'no'),
  /** DER. */
  certificate: maybe(bytes(4_096)),
  /** Key of the telemetry's MAC. */
  mac: maybe(bytes(32, true)),
  /** The roster in force, signed by the site root. */
  roster: maybe(bytes(65_536)),
  /** Port of the broker's TLS listener, on the same host. */
  broker_port: maybe(int(1, 65_535)),
  code: maybe(text(64)),
  message: maybe(text(1_000)),
});
export type EnrollAnswer = Infer<typeof enrollAnswer>;
