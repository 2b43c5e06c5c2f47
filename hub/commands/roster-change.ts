import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Console, EXIT } from '../../broker/command-line.ts';
import { writeDurably } from '../../broker/durable-file.ts';
import { readRoster, readSite } from '../../broker/enroll.ts';
import { type KeyPair, readKeyPair } from '../../broker/keys.ts';
import type { Roster } from '../../broker/messages.ts';
import { sealRoster } from '../../broker/roster.ts';
import { OperatorError } from '../../broker/roster-change.ts';
import { claim, type StateFolder } from '../../broker/state-folder.ts';
import { actingOperator } from '../acts/acting.ts';
import { askHub, ReachError } from '../acts/client.ts';
import { readPassphrase } from '../site/passphrase.ts';
import { installAtRest, readNewer } from '../site/roster-keeper.ts';

/** The site's root key from its file, asking for the passphrase where it has one. Throws KeyFileError. */
export async function readRoot(file: string, passphraseFile: string | undefined): Promise<KeyPair> {
  const sealed = existsSync(file) && readFileSync(file, 'utf8').includes('ENCRYPTED');
  return readKeyPair(file, sealed ? await readPassphrase(passphraseFile, false) : undefined);
}

/** What the hub's socket takes of a roster at once (hub/acts/protocol.ts). */
const SIGNED_MAX = 16_384;

/** Throws OperatorError where a signed roster is more than a hub takes, with so many bytes kept free of it. */
export function checkRoom(message: Uint8Array, kept = 0): void {
  const room = SIGNED_MAX - kept;
  if (message.length > room)
    throw new OperatorError('E_OPERATOR_FULL', `the roster would have ${message.length} bytes: ${room} are its most`);
}

/** Writes a roster that is carried to the hub, and says what to do there. */
export function writeSigned(roster: Roster, siteRoot: KeyPair, out: string, io: Console): number {
  const message = sealRoster(roster, siteRoot);
  checkRoom(message);
  writeDurably(out, message);
  io.stdout(`version ${roster.version}, epoch ${roster.epoch} is in ${resolve(out)}`);
  io.stdout(`now, on the hub: sentinel roster install ${out}`);
  return EXIT.done;
}

/** Through the hub when it runs; into its folder when it does not. */
export async function installRoster(
  state: StateFolder,
  message: Uint8Array,
  io: Console,
  key?: string,
): Promise<number> {
  const site = readSite(state);
  const { roster } = readRoster(state, site);
  const { version, epoch } = readNewer(message, site, roster);
  try {
    const answer = await askHub(state, await actingOperator(state, key), { verb: 'roster', payload: message });
    if (answer.ok === 'no') {
      io.stderr(`${answer.code ?? 'E_HUB'}: ${answer.message ?? 'refused'}`);
      return EXIT.no;
    }
  } catch (error) {
    if (!(error instanceof ReachError)) throw error;
    const release = claim(state.hub, 'a hub');
    try {
      installAtRest(state, site, message);
    } finally {
      release();
    }
  }
  io.stdout(`version ${version}, epoch ${epoch} is in force`);
  return EXIT.done;
}
