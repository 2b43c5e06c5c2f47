import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { syncFile, syncFolder, writeDurably } from '../../broker/durable-file.ts';
import { keyFile, readSite } from '../../broker/enroll.ts';
import { readKeyPair } from '../../broker/keys.ts';
import { hubKeys, openRoster } from '../../broker/roster.ts';
import { claim, prepareFolder, StateError, type StateFolder } from '../../broker/state-folder.ts';
import { auditHead, verifyAudit } from '../chain/audit.ts';
import { Store } from '../store/store.ts';
import { BackupError } from './backup-error.ts';
import { checkBackup, checkFile, FILES, type Manifest } from './manifest.ts';
import { restoringFile } from './restoring.ts';
import { holdsRoster, openFiles, writeSmallFiles } from './sealed-files.ts';

export interface PutBack {
  readonly manifest: Manifest;
  /** Where the store that was there has gone; null when there was none. */
  readonly aside: string | null;
  /** Version of the roster that was there and stays, since it is newer than the backup's; null when it is not. */
  readonly keptRoster: number | null;
}

/**
 * Puts a backup into a state folder in which no hub runs. Everything is checked before anything is changed: signature,
 * hashes, passphrase, and the whole audit chain of the copied store. From the first change to the last a mark lies in the
 * folder with which no hub starts; the same restore again goes on from there. Throws BackupError and StateError.
 */
export async function putBack(
  folder: string,
  state: StateFolder,
  options: { readonly passphrase: string; readonly replace: boolean; readonly now: number },
): Promise<PutBack> {
  const { passphrase, replace, now } = options;
  const manifest = await checkBackup(folder, pinnedRoot(state));
  const files = openFiles(new Uint8Array(readFileSync(join(folder, FILES.sealed))), passphrase);
  // Whoever has the medium can sign a manifest with keys of their own. What the passphrase opens they can't make.
  if (!holdsRoster(files, manifest.roster))
    throw new BackupError('E_BACKUP_BROKEN', `${folder}: who signed it is not whose keys are sealed in it`);
  prepareFolder(state);
  const release = claim(state.hub, 'a hub');
  try {
    const keptRoster = newerRoster(state, manifest);
    const kept =
      keptRoster === null ? [] : [state.roster, keyFile.hub(state)].map((path) => relative(state.root, path));
    const mark = restoringFile(state);
    const wasCut = existsSync(mark);
    const isThere = existsSync(join(state.store, 'data.mdb'));
    if (isThere && !replace && !wasCut)
      throw new BackupError(
        'E_BACKUP_STORE_THERE',
        `${state.store} holds a store: with --replace it is moved aside, and stays as evidence`,
      );
    const staged = `${state.store}-restored`;
    await stage(folder, staged, manifest);
    writeDurably(mark, `${folder}\n`);
    let aside: string | null = null;
    if (isThere) {
      aside = `${state.store}-before-${now}`;
      renameSync(state.store, aside);
    } else rmSync(state.store, { recursive: true, force: true });
    writeSmallFiles(
      state.root,
      files.filter(({ name }) => !kept.includes(name)),
    );
    renameSync(staged, state.store);
    syncFolder(state.hub);
    rmSync(mark);
    syncFolder(state.hub);
    return { manifest, aside, keptRoster };
  } finally {
    release();
  }
}

/** A copy beside the place where it will be, on the disk, whose chain is good from the first record to the last. */
async function stage(folder: string, staged: string, manifest: Manifest): Promise<void> {
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(staged, { mode: 0o750 });
  try {
    const copy = join(staged, 'data.mdb');
    copyFileSync(join(folder, FILES.store), copy);
    // A medium has modes of its own: all may write on a stick, nobody on a disc.
    chmodSync(copy, 0o640);
    // It may have been changed, or read otherwise, since it was checked.
    await checkFile(copy, manifest, FILES.store);
    await checkChain(staged, manifest);
    syncFile(copy);
  } catch (error) {
    // On a full disk it would keep the room that is missing.
    rmSync(staged, { recursive: true, force: true });
    throw error;
  }
  syncFolder(staged);
  syncFolder(dirname(staged));
}

async function checkChain(staged: string, { audit, roster, root }: Manifest): Promise<void> {
  const store = new Store(staged, 'write');
  try {
    const finding = verifyAudit(store, hubKeys(openRoster(roster, root)));
    if (!finding.ok)
      throw new BackupError('E_BACKUP_BROKEN', `record ${finding.record} of its audit chain: ${finding.why}`);
    const head = auditHead(store);
    if (head.count !== audit.count || head.hash !== audit.hash)
      throw new BackupError('E_BACKUP_BROKEN', `its audit chain ends with record ${head.count}, not ${audit.count}`);
  } finally {
    await store.close();
  }
}

/** The root that the folder pins; null where it has no site, or one that can't be read: that is why one restores. */
function pinnedRoot(state: StateFolder): Uint8Array | null {
  try {
    return readSite(state).root;
  } catch (error) {
    if (error instanceof StateError) return null;
    throw error;
  }
}

/**
 * The version of a roster that lies there with its order key and is newer than the backup's: agents have seen it, and who
 * was taken out of it since must stay out. Null when there is none.
 */
function newerRoster(state: StateFolder, { roster, root }: Manifest): number | null {
  try {
    const there = openRoster(new Uint8Array(readFileSync(state.roster)), root);
    const key = readKeyPair(keyFile.hub(state));
    const isNewer = there.version > openRoster(roster, root).version;
    return isNewer && Buffer.from(key.public).equals(there.hub_key) ? there.version : null;
  } catch {
    // None there, or none that could be used.
    return null;
  }
}
