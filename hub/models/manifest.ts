import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeDurably } from '../../broker/durable-file.ts';
import { WAYS } from '../reason/ways.ts';

/** A manifest is a few lines for each model; one that is larger is not ours. */
const MANIFEST_BYTES = 1_048_576;
const MOST = 256;

export const MANIFEST = 'models.json';

/** Refused for what a model, its source or its folder is: each message says what to do. */
export class ModelError extends Error {
  readonly code:
    | 'E_MODEL_NAME'
    | 'E_MODEL_SOURCE'
    | 'E_MODEL_CUT'
    | 'E_MODEL_HASH'
    | 'E_MODEL_SPACE'
    | 'E_MODEL_REDIRECT'
    | 'E_MODEL_MANIFEST'
    | 'E_MODEL_GONE';
  constructor(code: ModelError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** What may be chosen, a file's name without `.gguf`; the words that mean something else are none. */
const NAME = /^(?!(?:own|none|rules)$)[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export function checkedName(name: string): string {
  if (NAME.test(name)) return name;
  const shown = JSON.stringify(name.slice(0, 64));
  throw new ModelError(
    'E_MODEL_NAME',
    `${shown} is no name for a model: give one of letters, digits, . _ - with --name`,
  );
}

const entry = z.strictObject({
  name: z.string().regex(NAME),
  bytes: z.number().int().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** What was typed: a URL without credentials, or a path. */
  from: z.string().max(4_096),
  /** Milliseconds since the epoch. */
  added: z.number().int().min(0),
});

const shape = z.strictObject({
  version: z.literal(1),
  /** A name of these, `own` or `none`; absent: the hub's own, where one ships. */
  use: z.string().max(64).exactOptional(),
  /** How the model in use is made to think; absent: all in one answer. */
  way: z.enum(WAYS).exactOptional(),
  models: z.array(entry).max(MOST),
});

/** One model of the folder, as it was when it was taken in. */
export type ModelEntry = z.infer<typeof entry>;
export type ModelManifest = z.infer<typeof shape>;

const EMPTY: ModelManifest = { version: 1, models: [] };

/** Where a model of the folder lies: its name is its file's. */
export const fileOf = (folder: string, name: string): string => join(folder, `${name}.gguf`);

/** Reads a folder's manifest; one of no models where there is none. Throws E_MODEL_MANIFEST. */
export function readManifest(folder: string): ModelManifest {
  const file = join(folder, MANIFEST);
  if (!existsSync(file)) return EMPTY;
  const broken = (why: string) =>
    new ModelError('E_MODEL_MANIFEST', `${file} ${why}: move it away, then pull the models again`);
  if (statSync(file).size > MANIFEST_BYTES) throw broken('is too large');
  const read = shape.safeParse(parsed(readFileSync(file, 'utf8')));
  if (!read.success) throw broken(`is no manifest of ours (${read.error.issues[0]?.path.join('.') || 'its form'})`);
  return read.data;
}

export function writeManifest(folder: string, manifest: ModelManifest): void {
  mkdirSync(folder, { recursive: true, mode: 0o750 });
  writeDurably(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
