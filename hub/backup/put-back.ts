import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { syncFolder, writeDurably } from '../../broker/durable-file.ts';
import { readSite } from '../../broker/enroll.ts';
import { hubKeys, openRoster } from '../../broker/roster.ts';
import { claim, prepareFolder, type StateFolder } from '../../broker/state-folder.ts';
import { auditHead, verifyAudit } from '../chain/audit.ts';
import { Store } from '../store/store.ts';
import { BackupError } from './backup-error.ts';
import { checkBackup, FILES, type Manifest } from './manifest.ts';
import { restoringFile } from './restoring.ts';
import { openFiles, writeSmallFiles } from './sealed-files.ts';

export interface PutBack {
  readonly manifest: Manifest;
  /** Where the store that was there has gone; null when there was none. */
  readonly aside: string | null;
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
  const manifest = await checkBackup(folder, existsSync(state.site) ? readSite(state).root : null);
  const files = openFiles(new Uint8Array(readFileSync(join(folder, FILES.sealed))), passphrase);
  prepareFolder(state);
  const release = claim(state.hub, 'a hub');
  try {
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
    writeSmallFiles(state.root, files);
    renameSync(staged, state.store);
    syncFolder(state.hub);
    rmSync(mark);
    syncFolder(state.hub);
    return { manifest, aside };
  } finally {
    release();
  }
}

/** A copy beside the place where it will be, on the disk, whose chain is good from the first record to the last. */
async function stage(folder: string, staged: string, { audit, roster, root }: Manifest): Promise<void> {
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(staged, { mode: 0o750 });
  cpSync(join(folder, FILES.store), join(staged, 'data.mdb'));
  // The owner and the group of operators, as a hub makes it.
  chmodSync(join(staged, 'data.mdb'), 0o640);
  const store = new Store(staged, 'write');
  try {
    const finding = verifyAudit(store, hubKeys(openRoster(roster, root)));
    if (!finding.ok)
      throw new BackupError('E_BACKUP_BROKEN', `record ${finding.record} of its audit chain: ${finding.why}`);
    const head = auditHead(store);
    if (head.count !== audit.count || head.hash !== audit.hash)
      throw new BackupError('E_BACKUP_BROKEN', `its audit chain ends with record ${head.count}, not ${audit.count}`);
  } catch (error) {
    await store.close();
    rmSync(staged, { recursive: true, force: true });
    throw error;
  }
  await store.close();
  syncFolder(staged);
  syncFolder(dirname(staged));
}
