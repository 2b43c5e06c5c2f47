import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Bin } from './calibration.ts';
import { identifyModel } from './llama-file.ts';
import { ReasonError } from './reasoner.ts';

/** Where a model that ships with the hub lies, beside its manifest. */
const FOLDER = new URL('../../../model/', import.meta.url);
const MANIFEST_BYTES = 65_536;
/** More bins than a thousand incidents can fill. */
const MAX_BINS = 64;

/** What ships beside a model: which file it is, and what its figures are worth. */
export interface Manifest {
  readonly sha256: string;
  /** The model's probability of its class against how often it was right, the least sure first; empty: never measured. */
  readonly calibration: readonly Bin[];
}

const manifestShape = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  calibration: z
    .array(
      z
        .object({
          from: z.number().min(0).max(1),
          faults: z.number().int().min(1),
          right: z.number().int().min(0),
        })
        .refine(({ faults, right }) => right <= faults),
    )
    .max(MAX_BINS)
    .refine((bins) => bins.every(({ from }, i) => i === 0 || from > (bins[i - 1]?.from ?? 1)))
    .default([]),
});

/** The manifest of the model that ships with this hub; null where there is none, or none that can be read. */
export function ownManifest(folder: URL = FOLDER): Manifest | null {
  const file = new URL('sentinel.json', folder);
  if (!existsSync(file)) return null;
  const text = readFileSync(file, 'utf8');
  if (text.length > MANIFEST_BYTES) return null;
  try {
    const read = manifestShape.safeParse(JSON.parse(text));
    return read.success ? read.data : null;
  } catch {
    return null;
  }
}

/**
 * The model that ships with this hub; null where none does. Rejects with a ReasonError E_MODEL_LOAD when the file is not
 * the one that its manifest names: a hub never reasons with a model that somebody exchanged.
 */
export async function ownModel(folder: URL = FOLDER): Promise<string | null> {
  const manifest = new URL('sentinel.json', folder);
  if (!existsSync(manifest)) return null;
  const path = fileURLToPath(new URL('sentinel.gguf', folder));
  const { sha256 } = await identifyModel(path);
  if (sha256 !== ownManifest(folder)?.sha256) {
    throw new ReasonError('E_MODEL_LOAD', `${path}: not the file that ${fileURLToPath(manifest)} names`);
  }
  return path;
}

/** The file that `--model GGUF|own|none` means; null where there is none to load. Rejects as `ownModel` does. */
export const modelFile = async (word: string): Promise<string | null> =>
  word === 'none' ? null : word === 'own' ? ownModel() : word;
