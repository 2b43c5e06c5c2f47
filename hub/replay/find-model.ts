import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Playbook } from '../playbook/playbook.ts';
import { LlamaReasoner } from '../reason/llama.ts';
import { type LlamaEngine, openEngine } from '../reason/llama-engine.ts';
import { identifyModel } from '../reason/llama-file.ts';
import { ownModel } from '../reason/own-model.ts';
import { ENDPOINT_BUILD, type RepeatingReasoner, type StageProbe, type Trace } from '../reason/reasoner.ts';
import { StagedLlama } from '../reason/staged/llama-staged.ts';
import type { AskProbe } from '../reason/staged/questions.ts';

export interface ModelsOptions {
  /** The state folder's models; it need not exist. */
  readonly folder: string;
  readonly playbooks: ReadonlyMap<string, Playbook>;
  /** Milliseconds for one answer. */
  readonly deadlineMs: number;
  readonly log: (line: string) => void;
}

/** The models that recorded answers are of: each is looked for by its hash, and opened once. */
export class RecordedModels {
  readonly #options: ModelsOptions;
  readonly #open = new Map<string, Promise<LlamaEngine | string>>();
  readonly #hashes = new Map<string, string>();

  constructor(options: ModelsOptions) {
    this.#options = options;
  }

  /**
   * The model that a trace names, with its number of threads, thinking as it did then and hearing of hosts what it heard
   * then; or the sentence why it can't be asked.
   */
  async of(trace: Trace): Promise<RepeatingReasoner | string> {
    if (trace.llama_build === ENDPOINT_BUILD) return `${trace.model_file} answered it, and is not asked again`;
    const key = `${trace.model_sha256} ${trace.threads}`;
    const opened = this.#open.get(key) ?? this.#opened(trace);
    this.#open.set(key, opened);
    const engine = await opened;
    if (typeof engine === 'string') return engine;
    const { playbooks } = this.#options;
    if (trace.calls === undefined) return new LlamaReasoner(engine, { playbooks });
    return new StagedLlama(engine, heardThen(trace.probes), { playbooks });
  }

  async close(): Promise<void> {
    for (const opened of this.#open.values()) {
      const engine = await opened;
      if (typeof engine !== 'string') await engine.close();
    }
  }

  async #opened({ model_file, model_sha256, threads }: Trace): Promise<LlamaEngine | string> {
    const { folder, deadlineMs, log } = this.#options;
    const own = await ownModel().catch(() => null);
    const here = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.gguf')) : [];
    const files = new Set([model_file, ...(own === null ? [] : [own]), ...here.map((name) => join(folder, name))]);
    for (const file of files) {
      if ((await this.#hashOf(file)) !== model_sha256) continue;
      // More threads than the machine has would not end within any deadline.
      const maxThreads = Math.max(1, Math.min(threads, availableParallelism()));
      return openEngine({ file, maxThreads, deadlineMs, log }).catch(String);
    }
    const now = this.#hashes.get(model_file) ?? '';
    const told = now === '' ? `${model_file} is not there` : `${model_file} has sha256 ${now} now`;
    return `no model with sha256 ${model_sha256}: ${told}, and no other known file has it`;
  }

  /** Empty for a file that can't be read. */
  async #hashOf(file: string): Promise<string> {
    const known = this.#hashes.get(file);
    if (known !== undefined) return known;
    const hash = await identifyModel(file).then(
      ({ sha256 }) => sha256,
      () => '',
    );
    this.#hashes.set(file, hash);
    return hash;
  }
}

/** Hosts answer what was recorded, or nothing: none is asked again. Null where there was none to ask. */
function heardThen(probes: readonly StageProbe[] | undefined): AskProbe | null {
  if (probes === undefined) return null;
  return async (_, { probe, about }) =>
    probes.find((one) => one.probe === probe && one.about === about) ?? { state: 'not recorded', lines: [] };
}
