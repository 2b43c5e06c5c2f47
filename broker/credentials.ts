import { readFileSync } from 'node:fs';
import { parsePrivateJson } from './json.ts';
import { redact } from './redact.ts';
import { int, maybe, record, text } from './shape.ts';

const PEM_MAX = 16_384;

const file = record({
  version: int(1, 1),
  username: text(128),
  /** Where to connect, unless the command says otherwise. */
  broker: maybe(text(300)),
  password: maybe(text(512)),
  /** PEM texts: the authority that the broker's certificate must come from, and a certificate of one's own. */
  ca: maybe(text(PEM_MAX)),
  cert: maybe(text(PEM_MAX)),
  key: maybe(text(PEM_MAX)),
});

/** How one client shows a broker who it is. The user name is the client id as well. */
export type Credentials = ReturnType<typeof file>;

export class CredentialsError extends Error {
  readonly code = 'E_CREDENTIALS';
}

/** Reads a credentials file (JSON, see docs/tools.md); throws CredentialsError that says what is wrong with it. */
export function readCredentials(path: string): Credentials {
  try {
    return file(parsePrivateJson(readFileSync(path, 'utf8')), '');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CredentialsError(`${path}: ${why}. It holds {"version":1,"username":...,"password":...}.`);
  }
}

/** Checks a broker's address: mqtt:// or mqtts://, a host, and no password in it, where process lists would show it. */
export function brokerUrl(address: string): URL {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new CredentialsError(`${JSON.stringify(redact(address))} is no address: mqtts://HOST[:PORT] is one`);
  }
  // First, so that no other message repeats one.
  if (url.username !== '' || url.password !== '') {
    throw new CredentialsError('an address holds no user and no password: name a file with --credentials FILE');
  }
  if (!['mqtt:', 'mqtts:'].includes(url.protocol) || url.hostname === '') {
    throw new CredentialsError(`${redact(address)}: only mqtt://HOST[:PORT] and mqtts://HOST[:PORT] are understood`);
  }
  return url;
}
