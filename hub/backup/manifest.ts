import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { decodeCbor, encodeCbor } from '../../broker/cbor.ts';
import type { KeyPair } from '../../broker/keys.ts';
import { openRoster } from '../../broker/roster.ts';
import { bytes, type Infer, int, list, oneOf, pattern, record, text } from '../../broker/shape.ts';
import { open, seal } from '../../broker/signed.ts';
import { BackupError } from './backup-error.ts';

/** The files of a backup's folder. Only the small ones are encrypted: the store holds no keys. */
export const FILES = { store: 'store/data.mdb', sealed: 'sealed.cbor', manifest: 'manifest.cbor' } as const;
/** No manifest is nearly so large. */
const MANIFEST_MAX = 64 * 1024;

const key = bytes(32, true);
const manifestShape = record({
  version: int(1, 1),
  /** Sentinel's version that made it. */
  by: text(64),
  made: int(),
  site: text(64),
  /** The site root's public key, and the roster that it signed: they say whose signature this is. */
  root: key,
  roster: bytes(32 * 1024),
  audit: record({ count: int(), hash: pattern(/^[0-9a-f]{64}$/, 'a hash') }),
  incidents: int(),
  files: list(record({ name: oneOf(FILES.store, FILES.sealed), bytes: int(), sha256: key }), 2),
});
export type Manifest = Infer<typeof manifestShape>;

export const sealManifest = (manifest: Manifest, hub: KeyPair): Uint8Array => seal('backup', encodeCbor(manifest), hub);

/**
 * Reads a backup's manifest and holds every file against it. `root`: the site root that the folder to restore into
 * pins, where it has one; without it the backup's own word stands. Throws BackupError.
 */
export async function checkBackup(folder: string, root: Uint8Array | null): Promise<Manifest> {
  const manifest = readManifest(folder);
  if (root !== null && !Buffer.from(root).equals(manifest.root))
    throw new BackupError('E_BACKUP_OTHER_SITE', `${folder} is of the site ${manifest.site}, which has another root`);
  for (const name of [FILES.store, FILES.sealed]) {
    await checkFile(join(folder, name), manifest, name);
  }
  return manifest;
}

/** Holds a file, or a copy of it, against what the manifest says of `name`. Rejects with E_BACKUP_BROKEN. */
export async function checkFile(
  path: string,
  { files }: Manifest,
  name: Manifest['files'][number]['name'],
): Promise<void> {
  const told = files.find((file) => file.name === name);
  const digest = await sha256(path);
  if (told === undefined || digest === null || !digest.equals(told.sha256))
    throw new BackupError('E_BACKUP_BROKEN', `${path} is not what the hub signed: take another copy`);
}

function readManifest(folder: string): Manifest {
  const file = join(folder, FILES.manifest);
  try {
    if (statSync(file).size > MANIFEST_MAX) throw new Error('it is too long');
    const message = new Uint8Array(readFileSync(file));
    // Whose signature it is stands inside: the root that it names signed the roster, and the roster names the key.
    const [, , payload] = decodeCbor(message) as [unknown, unknown, Uint8Array];
    const manifest = manifestShape(decodeCbor(payload), '');
    open('backup', message, openRoster(manifest.roster, manifest.root).hub_key);
    return manifest;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BackupError('E_BACKUP_BROKEN', `${file}: ${why}`);
  }
}

/** Null when the file can't be read. */
export function sha256(file: string): Promise<Buffer | null> {
  const hash = createHash('sha256');
  return new Promise((resolve) => {
    createReadStream(file)
      .on('data', (chunk) => hash.update(chunk))
      .on('error', () => resolve(null))
      .on('end', () => resolve(hash.digest()));
  });
}
