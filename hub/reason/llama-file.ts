import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { ReasonError } from './reasoner.ts';

/** A model's file as decisions refer to it. */
export interface ModelFile {
  /** Absolute. */
  readonly path: string;
  /** The file's name without `.gguf`, in harmless characters: what operators see. */
  readonly name: string;
  readonly sha256: string;
}

/** No model answers in the name of `rules`, whose confidence was measured. */
const TAKEN = new Set(['', 'rules']);

/** Reads a model's file once, in pieces, for its hash. Rejects with a ReasonError E_MODEL_LOAD. */
export async function identifyModel(file: string): Promise<ModelFile> {
  const path = resolve(file);
  try {
    const about = await stat(path);
    if (!about.isFile()) throw new ReasonError('E_MODEL_LOAD', `${path}: not a regular file`);
    if (about.size === 0) throw new ReasonError('E_MODEL_LOAD', `${path}: the file is empty`);
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path, { highWaterMark: 1_048_576 })) hash.update(chunk as Uint8Array);
    const name = basename(path)
      .replace(/\.gguf$/i, '')
      .replace(/[^A-Za-z0-9._-]/g, '_')
      .slice(0, 64);
    return { path, name: TAKEN.has(name) ? 'model' : name, sha256: hash.digest('hex') };
  } catch (error) {
    if (error instanceof ReasonError) throw error;
    throw new ReasonError('E_MODEL_LOAD', error instanceof Error ? error.message : String(error));
  }
}
