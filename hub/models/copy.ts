import { constants, existsSync, rmSync, statSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { full, roomFor } from './download.ts';
import { checkedName, fileOf, MANIFEST, ModelError, readManifest } from './manifest.ts';

/** One file to be copied, and what is known of it where it comes from. */
export interface Source {
  readonly path: string;
  readonly name: string;
  readonly sha256: string | undefined;
}

/**
 * What a path on this machine offers: a GGUF, or a folder of models with its manifest, as it was carried here from a machine
 * that has a network. Throws a ModelError.
 */
export function sourcesAt(path: string, name: string | undefined): readonly Source[] {
  const about = statSync(path, { throwIfNoEntry: false });
  if (about === undefined) throw new ModelError('E_MODEL_SOURCE', `${path} is not there`);
  if (about.isFile()) return [{ path, name: checkedName(name ?? nameOf(path)), sha256: undefined }];
  if (!about.isDirectory() || !existsSync(join(path, MANIFEST))) {
    throw new ModelError(
      'E_MODEL_SOURCE',
      `${path} is no file, and no folder with a ${MANIFEST}: name the GGUF itself`,
    );
  }
  const models = readManifest(path).models.filter((one) => name === undefined || one.name === name);
  if (models.length === 0) throw new ModelError('E_MODEL_SOURCE', `${path} holds no ${name ?? 'model'}`);
  return models.map((one) => ({ path: fileOf(path, one.name), name: one.name, sha256: one.sha256 }));
}

/** A model's name by its file or address. */
export const nameOf = (path: string): string => basename(path).replace(/\.gguf$/i, '');

/**
 * Copies into `part`; shares the blocks where the file system can. Rejects with a ModelError, and then leaves nothing: half
 * a model would keep the room that the hub's store needs.
 */
export async function copyTo(part: string, path: string): Promise<void> {
  const about = statSync(path, { throwIfNoEntry: false });
  // A carried folder may hold links to anything.
  if (about?.isFile() !== true) throw new ModelError('E_MODEL_SOURCE', `${path} is no regular file`);
  rmSync(part, { force: true });
  if (about.size > roomFor(part)) throw full(part, about.size);
  try {
    await copyFile(path, part, constants.COPYFILE_FICLONE);
  } catch (error) {
    rmSync(part, { force: true });
    throw new ModelError(
      'E_MODEL_SOURCE',
      `can't copy ${path}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
