import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { identifyModel } from './llama-file.ts';
import { ReasonError } from './reasoner.ts';

/** Where a model that ships with the hub lies, beside its manifest. */
const FOLDER = new URL('../../../model/', import.meta.url);
const MANIFEST_BYTES = 65_536;

/**
 * The model that ships with this hub; null where none does. Rejects with a ReasonError E_MODEL_LOAD when the file is not
 * the one that its manifest names: a hub never reasons with a model that somebody exchanged.
 */
export async function ownModel(folder: URL = FOLDER): Promise<string | null> {
  const manifest = new URL('sentinel.json', folder);
  if (!existsSync(manifest)) return null;
  const path = fileURLToPath(new URL('sentinel.gguf', folder));
  const { sha256 } = await identifyModel(path);
  if (sha256 !== hashIn(readFileSync(manifest, 'utf8'))) {
    throw new ReasonError('E_MODEL_LOAD', `${path}: not the file that ${fileURLToPath(manifest)} names`);
  }
  return path;
}

/** The file that `--model GGUF|own|none` means; null where there is none to load. Rejects as `ownModel` does. */
export const modelFile = async (word: string): Promise<string | null> =>
  word === 'none' ? null : word === 'own' ? ownModel() : word;

function hashIn(text: string): unknown {
  if (text.length > MANIFEST_BYTES) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'sha256' in value ? value.sha256 : null;
  } catch {
    return null;
  }
}
