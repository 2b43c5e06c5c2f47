import { existsSync, readFileSync } from 'node:fs';
import { readRoster, readSite } from '../../broker/enroll.ts';
import { KeyFileError, type KeyPair, readKeyPair } from '../../broker/keys.ts';
import type { Roster } from '../../broker/messages.ts';
import { fingerprintOf, readOperatorKey } from '../../broker/operator-key.ts';
import { isOpensshKey, readOpensshKey } from '../../broker/operator-secret.ts';
import { agentKeys, agentSign, SshAgentError } from '../../broker/ssh-agent.ts';
import type { SshKey } from '../../broker/ssh-wire.ts';
import { bytesToSign, sshSign, sshsigAround } from '../../broker/sshsig.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import { readPassphrase } from '../site/passphrase.ts';
import { type Acting, localOperator, type Sign } from './client.ts';

/** No key is there with which this person could sign as an operator of the site. */
export class ActingError extends Error {
  readonly code = 'E_OPERATOR_KEY';
}

interface Signer extends SshKey {
  readonly sign: Sign;
}

/**
 * Who acts from here, and with which key: the one in `file` (private, or the public half of one that an ssh-agent holds),
 * else the local operator's in the state folder, else the one key of an operator that the ssh-agent holds. The roster
 * says whose it is. Throws ActingError, KeyFileError, SshAgentError or StateError.
 */
export async function actingOperator(state: StateFolder, file?: string, env = process.env): Promise<Acting> {
  const site = readSite(state);
  const { roster } = readRoster(state, site);
  const socket = env['SSH_AUTH_SOCK'] ?? '';
  if (file !== undefined) {
    const signer = await signerIn(file, socket);
    const found = operatorWith(roster, signer);
    if (found !== null) return found;
    throw new ActingError(
      `${file} (${fingerprintOf(signer.key, signer.sk)}) is no operator's key at ${roster.site}: see \`sentinel operator list\``,
    );
  }
  const local = ownKey(state, roster);
  if (local !== null) return local;
  const listed = socket === '' ? [] : await agentKeys(socket);
  const able = listed.map((key) => operatorWith(roster, heldBy(socket, key))).filter((one) => one !== null);
  const [only, ...others] = able;
  if (only === undefined)
    throw new ActingError(
      `no key of an operator is here: neither the local operator's in ${state.keys} nor one in an ssh-agent. Name yours with --key FILE.`,
    );
  if (others.length > 0)
    throw new ActingError(
      `the ssh-agent holds the keys of ${able.map(({ name }) => name).join(', ')}: say whose with --key FILE.pub`,
    );
  return only;
}

/** The local operator, where their key can be read and is the one that counts now. */
function ownKey(state: StateFolder, roster: Roster): Acting | null {
  try {
    const local = localOperator(state);
    return operatorWith(roster, { key: local.key.public, sign: local.sign });
  } catch (error) {
    // Another user's folder: who may act there has a key of their own.
    if (error instanceof KeyFileError) return null;
    throw error;
  }
}

function operatorWith({ operators, site }: Roster, signer: Signer): Acting | null {
  const known = operators.find(({ key, sk }) => sk === signer.sk && Buffer.from(key).equals(signer.key));
  if (known === undefined) return null;
  const { name, role } = known;
  return { name, role, site, sign: signer.sign, ...(signer.sk === undefined ? {} : { isTouched: true }) };
}

async function signerIn(file: string, socket: string): Promise<Signer> {
  if (!existsSync(file)) throw new KeyFileError(`there is no file ${file}`);
  const text = readFileSync(file, 'utf8');
  if (!text.includes('PRIVATE KEY')) return held(file, socket, readOperatorKey(text));
  if (isOpensshKey(text)) {
    const { public: key, sk, pair } = readOpensshKey(text);
    return pair === null ? held(file, socket, sk === undefined ? { key } : { key, sk }) : signerOf(pair);
  }
  const isSealed = text.includes('ENCRYPTED');
  if (isSealed && !process.stdin.isTTY)
    throw new KeyFileError(`the passphrase of ${file} is asked for at a terminal: elsewhere use one in an ssh-agent`);
  const passphrase = isSealed ? await readPassphrase(undefined, false, file) : undefined;
  return signerOf(readKeyPair(file, passphrase));
}

/** The signer for a key whose secret half is not in its file, or is encrypted there: the ssh-agent must have it. */
async function held(file: string, socket: string, wanted: SshKey): Promise<Signer> {
  const add = `add it with \`ssh-add ${file.replace(/\.pub$/, '')}\``;
  if (socket === '')
    throw new SshAgentError(`${file} needs an ssh-agent, and SSH_AUTH_SOCK names none: start one and ${add}`);
  const keys = await agentKeys(socket);
  if (!keys.some(({ key, sk }) => sk === wanted.sk && Buffer.from(key).equals(wanted.key)))
    throw new SshAgentError(`the ssh-agent does not hold ${file} (${fingerprintOf(wanted.key, wanted.sk)}): ${add}`);
  return heldBy(socket, wanted);
}

const heldBy = (socket: string, key: SshKey): Signer => ({
  ...key,
  sign: async (message, namespace) =>
    sshsigAround(namespace, key, await agentSign(socket, key, bytesToSign(message, namespace))),
});

const signerOf = (pair: KeyPair): Signer => ({
  key: pair.public,
  sign: async (message, namespace) => sshSign(message, namespace, pair),
});
