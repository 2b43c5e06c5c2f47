import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { StateFolder } from '../../broker/state-folder.ts';
import { fileOf, readManifest } from '../models/manifest.ts';
import { verifyModels } from '../models/take-in.ts';
import { ownModel } from '../reason/own-model.ts';
import { bad, type Finding, well } from './finding.ts';

/** A pulled model of more than this is held to its size alone: reading gigabytes is what `sentinel model verify` is for. */
const HASHED_BYTES = 256 * 2 ** 20;

/** Whether a model file is one, and its hash, to be held against where it came from. */
export async function lookAtModel(file: string): Promise<readonly Finding[]> {
  const handle = await open(file, 'r');
  const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0).finally(() => handle.close());
  if (buffer.toString('latin1') !== 'GGUF') return [bad('model', `${file} is no GGUF file`, 'copy it again')];
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return [well('model', `${file} has SHA-256 ${hash.digest('hex')}`)];
}

/** The model that a hub takes when none is typed: is its file the one that was pulled, or that ships with this version? */
export async function lookAtChosenModel(state: StateFolder): Promise<readonly Finding[]> {
  const { use = 'own', models } = readManifest(state.models);
  if (use === 'none') return [well('model', 'none is used: the rules answer alone')];
  if (use === 'own') return lookAtOwn();
  const chosen = models.find(({ name }) => name === use);
  if (chosen === undefined)
    return [
      bad('model', `${use}, which was chosen, is not there any more`, 'sentinel model use own, or pull it again'),
    ];
  const { name, bytes } = chosen;
  const size = statSync(fileOf(state.models, name), { throwIfNoEntry: false })?.size;
  const again = `pull it again: sentinel model pull FILE --name ${name}`;
  if (size !== bytes) return [bad('model', `${name} has ${size ?? 'no file, not'} bytes instead of ${bytes}`, again)];
  if (bytes > HASHED_BYTES)
    return [well('model', `${name} has the size that was pulled; sentinel model verify reads it whole`)];
  for await (const { ok, said } of verifyModels(state.models, [chosen])) {
    if (!ok) return [bad('model', `${name}: ${said}`, again)];
  }
  return [well('model', `${name} is what was pulled, SHA-256 ${chosen.sha256}`)];
}

async function lookAtOwn(): Promise<readonly Finding[]> {
  try {
    const file = await ownModel();
    return [well('model', file === null ? 'none ships with this hub' : 'the one that ships is what was packed')];
  } catch (error) {
    return [bad('model', error instanceof Error ? error.message : String(error), 'install this version again')];
  }
}
