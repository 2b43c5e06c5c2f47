import { existsSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncFolder, writeDurably } from '../../broker/durable-file.ts';
import { keyFile, readRoster, type Site } from '../../broker/enroll.ts';
import { type KeyPair, readKeyPair } from '../../broker/keys.ts';
import type { Roster } from '../../broker/messages.ts';
import { openRoster, RosterError } from '../../broker/roster.ts';
import { StateError, type StateFolder } from '../../broker/state-folder.ts';
import { appendAudit } from '../chain/audit.ts';
import type { Store } from '../store/store.ts';

/** Why a roster is not taken in, though the site root may have signed it. */
export class RosterRefusal extends Error {
  readonly code = 'E_ROSTER_REFUSED';
}

interface Present {
  readonly message: Uint8Array;
  readonly roster: Roster;
  readonly key: KeyPair;
}

/**
 * The roster in force and the order key that it names. The site root signs elsewhere; here a newer roster is checked,
 * kept, and obeyed. A new order key waits beside the present one until a roster names it.
 */
export class RosterKeeper {
  private readonly state: StateFolder;
  private readonly site: Pick<Site, 'name' | 'root'>;
  private present: Present;

  /** Reads what lies in the state folder; throws StateError when there is no key that the roster names. */
  constructor(state: StateFolder, site: Site) {
    this.state = state;
    this.site = site;
    const { message, roster } = readRoster(state, site);
    const key = keyFor(state, roster);
    if (key === null) {
      throw new StateError(
        'E_STATE_BROKEN',
        `the roster names an order key that is not in ${state.keys}. Restore it from a backup, or have the roster signed for a new one (sentinel roster).`,
      );
    }
    takeUp(state, key);
    this.present = { message, roster, key };
  }

  get roster(): Roster {
    return this.present.roster;
  }

  /** The roster as the site root signed it. */
  get message(): Uint8Array {
    return this.present.message;
  }

  /** Always the key in force, also for who took hold of this object before it changed. */
  readonly key: KeyPair = keyIn(() => this.present.key);

  /**
   * Takes in a newer roster; on the disk when it returns. Throws SignatureError when the root did not sign it, RosterError
   * when it is not newer, RosterRefusal when it is for another site, ends no epoch, or names a key that is not here.
   */
  install(message: Uint8Array): Roster {
    this.present = takeIn(this.state, this.site, message, this.present.roster);
    return this.present.roster;
  }
}

/**
 * Takes in a newer roster where no hub runs, refusing what `RosterKeeper.install` refuses; on the disk when it returns. The
 * caller holds the claim on the hub's folder: else a newer one that came meanwhile, and whom it revoked, would be undone.
 */
export const installAtRest = (state: StateFolder, site: Site, message: Uint8Array): Roster =>
  takeIn(state, site, message, readRoster(state, site).roster).roster;

function takeIn(state: StateFolder, site: Pick<Site, 'name' | 'root'>, message: Uint8Array, present: Roster): Present {
  const roster = readNewer(message, site, present);
  const key = keyFor(state, roster);
  if (key === null) throw new RosterRefusal('it names an order key that is not here: see `sentinel roster new-key`');
  // The roster first: after a crash the key is found by the roster's word, and taken up.
  writeDurably(state.roster, message);
  takeUp(state, key);
  return { message, roster, key };
}

/** A roster that may follow the present one. */
export function readNewer(message: Uint8Array, site: Pick<Site, 'name' | 'root'>, present: Roster): Roster {
  const roster = openRoster(message, site.root, present.version);
  if (roster.version === present.version) throw new RosterError(`roster version ${roster.version} is in force`);
  if (roster.site !== site.name) throw new RosterRefusal(`it is for the site ${roster.site}`);
  if (roster.epoch < present.epoch) throw new RosterRefusal(`its epoch ${roster.epoch} is over`);
  return roster;
}

/** Where a new order key waits for the roster that names it. */
export const nextKeyFile = (state: StateFolder): string => `${keyFile.hub(state)}.next`;

interface FoundKey extends KeyPair {
  readonly file: string;
}

function keyFor(state: StateFolder, roster: Roster): FoundKey | null {
  for (const file of [keyFile.hub(state), nextKeyFile(state)]) {
    if (!existsSync(file)) continue;
    const pair = readKeyPair(file);
    if (Buffer.from(pair.public).equals(roster.hub_key)) return { ...pair, file };
  }
  return null;
}

/** The key that the roster names becomes the hub's key; the one before it is gone, since nobody obeys it any more. */
function takeUp(state: StateFolder, { file }: FoundKey): void {
  if (file === keyFile.hub(state)) return;
  renameSync(file, keyFile.hub(state));
  syncFolder(dirname(file));
}

const keyIn = (present: () => KeyPair): KeyPair => ({
  get secret() {
    return present().secret;
  },
  get public() {
    return present().public;
  },
});

const ROSTER_VERSION = 'roster_version';

/** Records the roster in force in the audit chain, unless it stands there: one may have been put in while no hub ran. */
export async function noteRoster(store: Store, keeper: RosterKeeper, by: string, now: number): Promise<void> {
  const { version, epoch, hub_key, operators, former = [], two_person = [] } = keeper.roster;
  if (store.meta.get(ROSTER_VERSION) === version) return;
  const named = operators.map(({ name, role, scopes, key, sk }) => ({
    ...{ name, role, scopes, key },
    ...(sk === undefined ? {} : { sk }),
  }));
  const entry = {
    kind: 'roster.changed',
    incident: null,
    actor: by,
    data: { version, epoch, hub_key, operators: named, former, two_person },
  };
  await store.write(() => {
    void store.meta.put(ROSTER_VERSION, version);
    appendAudit(store, keeper.key, entry, now);
  });
}
