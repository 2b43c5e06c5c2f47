import { decodeCbor, encodeCbor } from './cbor.ts';
import { bytes, int, pattern, record, text } from './shape.ts';
import { ID } from './topics.ts';

const PREFIX = 'sentinel-join-1.';
/** A token is typed or pasted: longer than this it is something else. */
const TOKEN_MAX = 1_024;

const shape = record({
  site: pattern(ID, 'an id'),
  agent: pattern(ID, 'an id'),
  /** Public key of the site root: what the new agent pins. */
  root: bytes(32, true),
  /** SHA-256 of the site CA's certificate (DER): whom the new agent talks to. */
  ca: bytes(32, true),
  /** 256 random bits; the hub keeps their hash alone. */
  secret: bytes(32, true),
  /** HOST:PORT of the hub's enrolment door. */
  at: text(300),
  /** Milliseconds since the epoch. */
  expires: int(),
});

/** What a new agent needs to know of its site, and the secret that lets it in once. */
export type JoinToken = ReturnType<typeof shape>;

export class JoinTokenError extends Error {
  readonly code = 'E_JOIN_TOKEN';
}

/** One line of text without blanks. */
export function writeJoinToken(token: JoinToken): string {
  return PREFIX + Buffer.from(encodeCbor(token)).toString('base64url');
}

/** Reads what `sentinel enroll` printed; throws JoinTokenError for anything else. */
export function readJoinToken(line: string): JoinToken {
  const said = line.trim();
  try {
    if (!said.startsWith(PREFIX) || said.length > TOKEN_MAX) throw new Error('it does not look like one');
    return shape(decodeCbor(new Uint8Array(Buffer.from(said.slice(PREFIX.length), 'base64url'))), '');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new JoinTokenError(`not a join token (${why}). Paste the whole line that \`sentinel enroll\` printed.`);
  }
}
