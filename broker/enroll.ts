import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { writeDurably } from './durable-file.ts';
import { type KeyPair, newKeyPair, readKeyPair, writeKeyPair } from './keys.ts';
import { openRoster, sealRoster } from './roster.ts';
import { int, list, maybe, pattern, record, text } from './shape.ts';
import { claim, StateError, type StateFolder } from './state-folder.ts';
import { ID } from './topics.ts';

const hexKey = pattern(/^[0-9a-f]{64}$/, '64 hex digits');
const siteFile = record({
  version: int(1, 1),
  site: pattern(ID, 'an id'),
  /** Public key of the site root: what an agent pins. */
  root: hexKey,
  agents: list(record({ agent: pattern(ID, 'an id'), key: hexKey, secret_sha256: hexKey }), 100_000),
  /** The operator whose key lies in this state folder. */
  local_operator: text(128),
  /** Names or addresses under which other hosts reach this hub; absent on a site of one host. */
  addresses: maybe(list(text(255), 16)),
});

/** What a site is: its name, its root key, and which agents are enrolled. */
export interface Site {
  readonly name: string;
  readonly root: Uint8Array;
  readonly agents: ReadonlyMap<string, Enrolled>;
  readonly localOperator: string;
  readonly addresses: readonly string[];
}

/** HOST:PORT under which other hosts reach a listener of the hub: the first of the site's addresses. */
export function reachedAt({ addresses }: Pick<Site, 'addresses'>, port: number): string {
  const [name = 'localhost'] = addresses;
  return `${isIPv6(name) ? `[${name}]` : name}:${port}`;
}

/** One enrolled agent: the key that signs for it, and what lets it connect. */
export interface Enrolled {
  readonly key: Uint8Array;
  /** What the MAC of its telemetry derives from; on loopback also the hash of the secret with which it connects. */
  readonly secretHash: Uint8Array;
  /** Serial numbers of the certificates that are good now. Absent: it connects with its secret, from this host only. */
  readonly serials?: readonly string[];
}

/** Names of the files under `keys/`. */
export const keyFile = {
  siteRoot: (state: StateFolder) => join(state.keys, 'site-root.pem'),
  hub: (state: StateFolder) => join(state.keys, 'hub.pem'),
  agent: (state: StateFolder, agent: string) => join(state.keys, `agent-${agent}.pem`),
  agentSecret: (state: StateFolder, agent: string) => join(state.keys, `agent-${agent}.secret`),
  operator: (state: StateFolder, name: string) => join(state.keys, `operator-${name}.pem`),
  siteCa: (state: StateFolder) => join(state.keys, 'site-ca.pem'),
  server: (state: StateFolder) => join(state.keys, 'server.pem'),
  macSecret: (state: StateFolder) => join(state.keys, 'mac.secret'),
} as const;

/**
 * Makes a local site in an empty state folder: a site root, the hub's order key, one admin operator (the user who
 * types), and one agent with its MQTT secret; all 0600. A folder that has a site keeps it. Says what it made.
 */
export function makeLocalSite(state: StateFolder, agent: string): { readonly made: boolean } {
  if (existsSync(state.site)) return { made: false };
  // Two that start at once would each make keys, and leave the one's roster beside the other's.
  const release = claim(state.keys, 'a first start');
  try {
    if (existsSync(state.site)) return { made: false };
    makeSite(state, agent);
    return { made: true };
  } finally {
    release();
  }
}

function makeSite(state: StateFolder, agent: string): void {
  const siteRoot = keepKey(keyFile.siteRoot(state));
  writeSite(state, { name: 'local', agent, operator: localUser(), siteRoot, addresses: [] });
}

/** What a new site is made from; `siteRoot` signs its first roster, and where its file lies is the caller's affair. */
export interface NewSite {
  readonly name: string;
  /** The agent of the hub's own host. */
  readonly agent: string;
  /** The first operator, an admin, whose key is made here. */
  readonly operator: string;
  readonly siteRoot: KeyPair;
  readonly addresses: readonly string[];
}

/** Makes the keys that a hub has, the first roster, and last `site.json`. Keys that are there are kept. */
export function writeSite(state: StateFolder, { name, agent, operator, siteRoot, addresses }: NewSite): void {
  const hub = keepKey(keyFile.hub(state));
  const operatorKey = keepKey(keyFile.operator(state, operator));
  const agentKey = keepKey(keyFile.agent(state, agent));
  const secret = randomBytes(32).toString('hex');
  writeDurably(keyFile.agentSecret(state, agent), secret, 0o600);
  const roster = {
    site: name,
    version: 1,
    epoch: 1,
    hub_key: hub.public,
    operators: [{ name: operator, key: operatorKey.public, role: 'admin' as const, scopes: [] }],
  };
  writeDurably(state.roster, sealRoster(roster, siteRoot));
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const site = {
    version: 1,
    site: name,
    root: hex(siteRoot.public),
    agents: [{ agent, key: hex(agentKey.public), secret_sha256: hex(secretHash(secret)) }],
    local_operator: operator,
    ...(addresses.length === 0 ? {} : { addresses }),
  };
  // Written last: a folder that was cut off in the middle has no site, and is made anew with the keys it has.
  writeDurably(state.site, `${JSON.stringify(site, null, 2)}\n`);
}

/** The key pair in a file, made there when there is none. */
export function keepKey(file: string): KeyPair {
  if (existsSync(file)) return readKeyPair(file);
  const pair = newKeyPair();
  writeKeyPair(file, pair);
  return pair;
}

/** The user who types, as an operator's name. */
export function localUser(): string {
  const name = userInfo()
    .username.toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-');
  return ID.test(name) ? name : 'operator';
}

/** Reads the site; throws E_NO_SITE when there is none here, E_STATE_BROKEN when it can't be read. */
export function readSite(state: StateFolder): Site {
  if (!existsSync(state.site)) {
    throw new StateError(
      'E_NO_SITE',
      `no site in ${state.root}. Run \`sentinel up\` there first, or name it with --state DIR.`,
    );
  }
  try {
    const file = siteFile(JSON.parse(readFileSync(state.site, 'utf8')), '');
    return {
      name: file.site,
      root: fromHex(file.root),
      agents: new Map(file.agents.map((a) => [a.agent, { key: fromHex(a.key), secretHash: fromHex(a.secret_sha256) }])),
      localOperator: file.local_operator,
      addresses: file.addresses ?? [],
    };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StateError('E_STATE_BROKEN', `${state.site}: ${why}. Restore it from a backup.`);
  }
}

/** Reads the roster that lies in the state folder, checked under the site root. */
export function readRoster(
  state: StateFolder,
  site: Site,
): { readonly message: Uint8Array; readonly roster: ReturnType<typeof openRoster> } {
  const message = new Uint8Array(readFileSync(state.roster));
  return { message, roster: openRoster(message, site.root) };
}

/** SHA-256 of an MQTT secret. The secret is 256 random bits, so no slow hash is needed against guessing. */
export function secretHash(secret: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(secret).digest());
}

export function sameSecret(secret: string, hash: Uint8Array): boolean {
  return timingSafeEqual(secretHash(secret), hash);
}

const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
