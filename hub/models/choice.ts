import { modelFile } from '../reason/own-model.ts';
import type { Way } from '../reason/ways.ts';
import { checkedName, fileOf, ModelError, readManifest, writeManifest } from './manifest.ts';

/** Words that are no model's name. */
const WORDS = new Set(['own', 'none']);

/**
 * Makes a pulled model, `own` or `none` what the hub reasons with from its next start on, in the way that is named, else in
 * one answer. Throws a ModelError.
 */
export function choose(folder: string, name: string, way?: Way): void {
  const { way: _, ...manifest } = readManifest(folder);
  if (!WORDS.has(name) && !manifest.models.some((one) => one.name === checkedName(name))) {
    throw new ModelError('E_MODEL_GONE', `no model ${name} was pulled: see \`sentinel model list\``);
  }
  writeManifest(folder, { ...manifest, use: name, ...(way === undefined ? {} : { way }) });
}

/** A file to load, and what its hash must be; absent where only its path was named. */
export interface ChosenModel {
  readonly file: string;
  readonly sha256?: string;
  /** How it is made to think; absent: all in one answer. */
  readonly way?: Way;
}

/**
 * The file that a word stands for: a pulled model's name, a path, `own` or `none`; where no word was typed, what was
 * chosen with `sentinel model use`, else `own`; in the way that is named, else in the one that was chosen with it. Null where there is nothing to load. Rejects with E_MODEL_GONE for a
 * choice that was taken away since, and as `ownModel` does.
 */
export async function chosenModel(word: string | undefined, folder: string, way?: Way): Promise<ChosenModel | null> {
  const typedWay = way === undefined ? {} : { way };
  // A path needs no manifest, so that one which is spoiled does not stand in its way.
  if (word !== undefined && (WORDS.has(word) || isPath(word))) return typed(word, typedWay);
  const { use = 'own', models, way: kept } = readManifest(folder);
  const named = word ?? use;
  const inWay = word === undefined && way === undefined && kept !== undefined ? { way: kept } : typedWay;
  const pulled = models.find(({ name }) => name === named);
  if (pulled !== undefined) return { file: fileOf(folder, pulled.name), sha256: pulled.sha256, ...inWay };
  if (word === undefined && !WORDS.has(named)) {
    throw new ModelError('E_MODEL_GONE', `${named}, which was chosen, is not in ${folder} any more: choose another`);
  }
  return typed(named, inWay);
}

const isPath = (word: string): boolean => word.includes('/') || /\.gguf$/i.test(word);

async function typed(word: string, way: Pick<ChosenModel, 'way'>): Promise<ChosenModel | null> {
  const file = await modelFile(word);
  return file === null ? null : { file, ...way };
}
