import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '../broker/durable-file.ts';
import { keyFile, readSite, secretHash } from '../broker/enroll.ts';
import { parsePrivateJson } from '../broker/json.ts';
import { keptPassphrase } from '../broker/kept-passphrase.ts';
import { type KeyPair, readKeyPair } from '../broker/keys.ts';
import type { Login } from '../broker/link.ts';
import { isSealedPem, resealed } from '../broker/sealed-pem.ts';
import { int, pattern, record, text } from '../broker/shape.ts';
import { StateError, type StateFolder } from '../broker/state-folder.ts';
import { ID } from '../broker/topics.ts';

const hex32 = pattern(/^[0-9a-f]{64}$/, '64 hex digits');
const PEM_MAX = 8_192;
const file = record({
  version: int(1, 1),
  site: pattern(ID, 'an id'),
  agent: pattern(ID, 'an id'),
  root: hex32,
  /** SHA-256 of the join token's secret: the same token given again at a restart is not a new enrolment. */
  token: hex32,
  /** HOST:PORT of the enrolment door, where certificates are renewed. */
  at: text(300),
  broker: text(300),
  mac: hex32,
  /** PEM each: the site CA's certificate, this agent's certificate, and its TLS key. */
  ca: text(PEM_MAX),
  certificate: text(PEM_MAX),
  tls_key: text(PEM_MAX),
});

/** What the agent of another host than the hub's was given when it joined. */
export type Joined = ReturnType<typeof file>;

/** Who an agent is: what it pins, what signs for it, and how it connects. */
export interface Identity {
  readonly root: Uint8Array;
  readonly key: KeyPair;
  readonly macSecret: Uint8Array;
  readonly login: Login;
}

/** One file, replaced whole: a certificate without its key would be neither the old identity nor the new. */
const identityFile = (state: StateFolder): string => join(state.keys, 'identity.json');

/**
 * Who this host is to a site that it has joined, with its keys open; null when it has not. Throws E_STATE_BROKEN when it
 * can't be read, E_KEY_FILE without the passphrase of an encrypted key.
 */
export function readJoined(state: StateFolder): Joined | null {
  const path = identityFile(state);
  if (!existsSync(path)) return null;
  let joined: Joined;
  try {
    joined = file(parsePrivateJson(readFileSync(path, 'utf8')), '');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StateError('E_STATE_BROKEN', `${path}: ${why}. Restore it from a backup, or join again.`);
  }
  return isSealedPem(joined.tls_key) ? { ...joined, tls_key: resealed(joined.tls_key, path, undefined) } : joined;
}

/** On the disk its TLS key is encrypted where this installation has a passphrase for its keys. */
export function writeJoined(state: StateFolder, joined: Joined): void {
  const path = identityFile(state);
  const passphrase = keptPassphrase();
  const kept = passphrase === undefined ? joined : { ...joined, tls_key: resealed(joined.tls_key, path, passphrase) };
  writeDurably(path, `${JSON.stringify(kept, null, 2)}\n`, 0o600);
}

/** The identity of this host's agent: the joined one, else that of the hub's own host. Throws StateError. */
export function readIdentity(state: StateFolder, agent: string): Identity {
  const joined = readJoined(state);
  const key = () => readKeyPair(keyFile.agent(state, agent));
  if (joined !== null) {
    if (joined.agent !== agent) {
      throw new StateError('E_NO_SITE', `this host joined as ${joined.agent}: start it with --id ${joined.agent}.`);
    }
    return { root: bytesOf(joined.root), key: key(), macSecret: bytesOf(joined.mac), login: loginOf(joined) };
  }
  const { root } = readSite(state);
  const secret = readFileSync(keyFile.agentSecret(state, agent), 'utf8').trim();
  return { root, key: key(), macSecret: secretHash(secret), login: { secret } };
}

/** How a joined host connects. */
export const loginOf = ({ ca, certificate, tls_key }: Joined): Login => ({ ca, cert: certificate, key: tls_key });

export const hashOfSecret = (secret: Uint8Array): string => createHash('sha256').update(secret).digest('hex');

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
