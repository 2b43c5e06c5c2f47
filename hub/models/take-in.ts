import { existsSync, renameSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { syncFolder } from '../../broker/durable-file.ts';
import { identifyModel } from '../reason/llama-file.ts';
import { probeModel } from '../reason/llama-probe.ts';
import { fileOf, type ModelEntry, ModelError, readManifest, writeManifest } from './manifest.ts';

/** A file that has come whole, and what is known of it. */
export interface Arrived {
  /** In the models' folder, under another name than a model's. */
  readonly part: string;
  readonly name: string;
  readonly from: string;
  /** What it must be; undefined where nobody said. */
  readonly sha256: string | undefined;
}

export interface TakeInOptions {
  readonly folder: string;
  readonly now: number;
  /** Milliseconds for the other process that loads it first. */
  readonly probeDeadlineMs: number;
}

/** How a GGUF file begins. */
const MAGIC = 'GGUF';

/**
 * Makes an arrived file a model of the folder: its hash is the one that was named, it is a GGUF, and another process could
 * load it. Until then nothing can choose it, and a file that fails is taken away. Rejects with a ModelError, or with the
 * probe's ReasonError.
 */
export async function takeIn(arrived: Arrived, options: TakeInOptions): Promise<ModelEntry> {
  const { part, name, from } = arrived;
  const { folder, now } = options;
  try {
    await checkMagic(part);
    const { sha256, bytes } = await hashed(part);
    if (arrived.sha256 !== undefined && arrived.sha256 !== sha256) {
      const why = `it has sha256 ${sha256}, and ${arrived.sha256} was named`;
      throw new ModelError('E_MODEL_HASH', `${from}: ${why}. It was taken away: pull it from another place`);
    }
    await probeModel({ file: part, threads: 1, deadlineMs: options.probeDeadlineMs });
    renameSync(part, fileOf(folder, name));
    syncFolder(folder);
    const entry: ModelEntry = { name, bytes, sha256, from: from.slice(0, 4_096), added: now };
    const manifest = readManifest(folder);
    const others = manifest.models.filter((one) => one.name !== name);
    writeManifest(folder, { ...manifest, models: [...others, entry].sort((a, b) => (a.name < b.name ? -1 : 1)) });
    return entry;
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

async function hashed(part: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const { sha256 } = await identifyModel(part);
  const file = await open(part);
  try {
    return { sha256, bytes: (await file.stat()).size };
  } finally {
    await file.close();
  }
}

async function checkMagic(part: string): Promise<void> {
  const file = await open(part);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
    if (buffer.toString('latin1', 0, bytesRead) === MAGIC) return;
    throw new ModelError('E_MODEL_SOURCE', 'what came is no GGUF file: is it a page about one?');
  } finally {
    await file.close();
  }
}

/** Whether the folder's files are still those that were taken in: one answer for each model, in the manifest's order. */
export async function* verifyModels(
  folder: string,
  models: readonly ModelEntry[],
): AsyncGenerator<{ readonly name: string; readonly ok: boolean; readonly said: string }> {
  for (const { name, sha256 } of models) {
    const file = fileOf(folder, name);
    if (!existsSync(file)) {
      yield { name, ok: false, said: 'its file is gone' };
      continue;
    }
    const now = await identifyModel(file).then(
      (found) => found.sha256,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    yield now === sha256 ? { name, ok: true, said: sha256 } : { name, ok: false, said: `was ${sha256}, is ${now}` };
  }
}
