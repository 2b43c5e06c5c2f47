import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { syncFile, syncFolder, writeDurably } from '../../broker/durable-file.ts';
import { keyFile, readRoster, readSite } from '../../broker/enroll.ts';
import { readKeyPair } from '../../broker/keys.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import { VERSION } from '../../broker/version.ts';
import { auditHead } from '../chain/audit.ts';
import { countIncidents } from '../store/retention.ts';
import { Store } from '../store/store.ts';
import { BackupError } from './backup-error.ts';
import { FILES, type Manifest, sealManifest, sha256 } from './manifest.ts';
import { holdsRoster, readSmallFiles, sealFiles } from './sealed-files.ts';

/**
 * Copies what a hub is into a new folder, beside a hub that runs: the store as of one moment, and the small files. Made
 * under another name first, so that a folder of this name is always a whole backup. Throws BackupError.
 */
export async function takeBackup(
  state: StateFolder,
  folder: string,
  passphrase: string,
  now: number,
): Promise<Manifest> {
  if (existsSync(folder)) throw isThere(folder);
  const site = readSite(state);
  refusePlace(state, dirname(folder));
  const { message, roster } = readRoster(state, site);
  const hub = readKeyPair(keyFile.hub(state));
  if (!Buffer.from(hub.public).equals(roster.hub_key)) throw changedMeanwhile();
  const draft = `${folder}.${randomBytes(4).toString('hex')}.part`;
  mkdirSync(join(draft, dirname(FILES.store)), { recursive: true, mode: 0o700 });
  try {
    await copyStore(state, draft);
    const small = readSmallFiles(state);
    if (!holdsRoster(small, message)) throw changedMeanwhile();
    writeDurably(join(draft, FILES.sealed), sealFiles(small, passphrase), 0o600);
    const { audit, incidents } = await holds(draft);
    const files = await Promise.all(
      [FILES.store, FILES.sealed].map(async (name) => {
        const [path, digest] = [join(draft, name), await sha256(join(draft, name))];
        if (digest === null) throw new BackupError('E_BACKUP_BROKEN', `${path} can't be read again: look at the disk`);
        return { name, bytes: statSync(path).size, sha256: new Uint8Array(digest) };
      }),
    );
    const about = { version: 1, by: VERSION, made: now, site: site.name, root: site.root, roster: message };
    const manifest: Manifest = { ...about, audit, incidents, files };
    writeDurably(join(draft, FILES.manifest), sealManifest(manifest, hub), 0o600);
    // LMDB leaves its copy to the system's cache, and what has the name is to be whole after a power cut too.
    syncFile(join(draft, FILES.store));
    syncFolder(join(draft, dirname(FILES.store)));
    moveTo(draft, folder);
    syncFolder(dirname(folder));
    return manifest;
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
}

/** Backups below a folder that were cut short, or are still being made by another: by their names. */
export const unfinishedBackups = (below: string): readonly string[] =>
  readdirSync(below).filter((name) => /^sentinel-\w+Z\.[0-9a-f]{8}\.part$/.test(name));

const isThere = (folder: string) => new BackupError('E_BACKUP_EXISTS', `${folder} is there already: try again`);

/** Of two that began in the same second the first has the name. */
function moveTo(draft: string, folder: string): void {
  try {
    renameSync(draft, folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY') throw isThere(folder);
    throw error;
  }
}

/** A stick that is not plugged in is a folder that is not there; what lies in the state folder goes with it. */
function refusePlace(state: StateFolder, below: string): void {
  if (!statSync(below, { throwIfNoEntry: false })?.isDirectory())
    throw new BackupError('E_BACKUP_FOLDER', `there is no folder ${below}: make it, or mount what it should be on`);
  const [inside, root] = [realpathSync(below), realpathSync(state.root)];
  if (inside === root || inside.startsWith(`${root}${sep}`))
    throw new BackupError('E_BACKUP_FOLDER', `${below} lies in the state folder, and would be lost with it`);
}

const changedMeanwhile = (): BackupError =>
  new BackupError('E_BACKUP_BROKEN', 'roster or order key have just changed: try again');

/** LMDB copies one transaction's view, free pages left out. */
async function copyStore(state: StateFolder, draft: string): Promise<void> {
  const store = new Store(state.store, 'read');
  try {
    await store.copyTo(join(draft, dirname(FILES.store)));
    // LMDB makes it for all to read.
    chmodSync(join(draft, FILES.store), 0o600);
  } finally {
    await store.close();
  }
}

/** Read from the copy: that it can be opened is shown before it counts as one. */
async function holds(draft: string): Promise<Pick<Manifest, 'audit' | 'incidents'>> {
  const folder = join(draft, dirname(FILES.store));
  const copy = new Store(folder, 'read');
  try {
    return { audit: auditHead(copy), incidents: countIncidents(copy) };
  } finally {
    await copy.close();
    rmSync(join(folder, 'lock.mdb'), { force: true });
  }
}
