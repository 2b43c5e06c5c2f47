import type { Bin } from './calibration.ts';
import { countTokens, type DecodeInput, decode, type PacedDecoded } from './llama-decode.ts';
import { identifyModel, type ModelFile } from './llama-file.ts';
import { type LoadedModel, loadModel } from './llama-model.ts';
import { probeModel } from './llama-probe.ts';
import { type Manifest, ownManifest } from './own-model.ts';
import { ReasonError, type Repeated, type Setting, type Trace } from './reasoner.ts';
import type { SlotTraining } from './slot-model.ts';

/** One line for the hub's log. */
export type ReasonLog = (message: string) => void;

export interface EngineOptions {
  /** Any GGUF. */
  readonly file: string;
  /** What the file must be; absent: whatever it is. */
  readonly sha256?: string;
  /** Never more than the free cores: threads that wait for a busy one make llama.cpp a thousand times slower. */
  readonly maxThreads: number;
  /** Milliseconds for one diagnosis, its time in the queue included. */
  readonly deadlineMs: number;
  readonly log: ReasonLog;
  /** Milliseconds for another process to load the file first; two minutes suit the largest that fit a host. */
  readonly probeDeadlineMs?: number;
  /** Of a model that ships with the hub; absent: the hub's own. */
  readonly manifest?: Manifest | null;
}

/** The same for every call: at temperature 0 it decides nothing, and a replay names it (invariant 14). */
export const SEED = 1;
const PROBE_DEADLINE_MS = 120_000;

/**
 * Opens a model for reasoning, after another process showed that it loads; the one that ships with the hub is known by
 * its hash, and was loaded before it was shipped. Rejects with a ReasonError E_MODEL_LOAD or
 * E_MODEL_CRASHED: the hub then goes on with `rules`.
 */
export async function openEngine(options: EngineOptions): Promise<LlamaEngine> {
  const { maxThreads, log } = options;
  // Zero would mean all of them to llama.cpp.
  if (!Number.isInteger(maxThreads) || maxThreads < 1) {
    throw new ReasonError('E_MODEL_LOAD', `${maxThreads} threads: expected 1 or more`);
  }
  const file = await identifyModel(options.file);
  if (options.sha256 !== undefined && options.sha256 !== file.sha256) {
    const way = 'run `sentinel model verify`, then pull it again';
    throw new ReasonError('E_MODEL_LOAD', `${file.path} is not the file that was pulled: ${way}`);
  }
  const manifest = options.manifest === undefined ? ownManifest() : options.manifest;
  const own = manifest?.sha256 === file.sha256 ? manifest : null;
  if (own === null) {
    await probeModel({
      file: file.path,
      threads: maxThreads,
      deadlineMs: options.probeDeadlineMs ?? PROBE_DEADLINE_MS,
    });
  }
  const loaded = await loadModel(file.path, maxThreads).catch((error: unknown) => {
    throw new ReasonError('E_MODEL_LOAD', `${file.path}: ${messageOf(error)}`);
  });
  const { took, context } = loaded;
  log(
    `model ${file.name}: loaded in ${took.file} ms, its library in ${took.library} ms, context ${context.contextSize}, threads ${maxThreads}`,
  );
  return new LlamaEngine(loaded, file, own?.calibration ?? [], options);
}

/** A model in memory that writes what it is asked to, one diagnosis after another. */
export class LlamaEngine {
  readonly name: string;
  /** The model's probability of its class against how often it was right; empty: never measured. */
  readonly calibration: readonly Bin[];
  readonly log: ReasonLog;
  readonly deadlineMs: number;
  readonly #loaded: LoadedModel;
  readonly #file: ModelFile;
  readonly #threads: number;
  readonly #closing = new AbortController();
  /** Settles when native code is done with the call before: there is one context, so one call at a time. */
  #busy: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(loaded: LoadedModel, file: ModelFile, calibration: readonly Bin[], options: EngineOptions) {
    this.name = file.name;
    this.calibration = calibration;
    this.log = options.log;
    this.deadlineMs = options.deadlineMs;
    this.#loaded = loaded;
    this.#file = file;
    this.#threads = options.maxThreads;
  }

  get setting(): Setting {
    const { llama } = this.#loaded;
    const { repo, release } = llama.llamaCppRelease;
    return {
      model_sha256: this.#file.sha256,
      model_file: this.#file.path,
      llama_build: `${repo} ${release} ${llama.buildType}`,
      backend: `cpu ${llama.systemInfo.trim()}`,
      threads: this.#threads,
      seed: SEED,
    };
  }

  /** What a model of ours says of its training; null for any other. */
  get training(): SlotTraining | null {
    return this.#loaded.training;
  }

  /** Tokens of a prompt and its answer together. */
  get room(): number {
    return this.#loaded.context.contextSize - this.#loaded.start.length;
  }

  count(text: string): number {
    return countTokens(this.#loaded, text);
  }

  /** Decodes one answer, within the turn that `inTime` gave. */
  write(input: DecodeInput): Promise<PacedDecoded> {
    return decode(this.#loaded, input);
  }

  /** Decodes the prompt of a trace under its grammar once more; rejects as a diagnosis does. */
  async repeat(trace: Trace, signal: AbortSignal): Promise<Repeated> {
    const { prompt, grammar, seed, fixed = 0, max_tokens: most = this.#loaded.context.contextSize } = trace;
    const parts = {
      fixed: prompt.slice(0, fixed),
      incident: prompt.slice(fixed),
      gbnf: grammar,
      maxTokens: most,
      seed,
    };
    const { text, stop, pace } = await this.inTime(signal, (until) => this.write({ ...parts, signal: until }));
    return { output: text, stop, pace };
  }

  /** Gives `work` its turn and its deadline. Rejects with a ReasonError, whatever happens in it. */
  async inTime<T>(signal: AbortSignal, work: (stop: AbortSignal, started: number) => Promise<T>): Promise<T> {
    const started = performance.now();
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), this.deadlineMs);
    const stop = AbortSignal.any([signal, deadline.signal, this.#closing.signal]);
    try {
      return await untilAborted(
        this.#queued(stop, () => work(stop, started)),
        stop,
      );
    } catch (error) {
      if (stop.aborted) throw this.#timeout(started);
      if (error instanceof ReasonError) throw error;
      throw new ReasonError('E_MODEL_CRASHED', messageOf(error));
    } finally {
      clearTimeout(timer);
    }
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      this.#closing.abort();
      await this.#busy;
      await this.#loaded.llama.dispose();
    })();
    return this.#closed;
  }

  #queued<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const turn = this.#busy.then(() => {
      signal.throwIfAborted();
      return work();
    });
    this.#busy = turn.catch(() => {});
    return turn;
  }

  #timeout(started: number): ReasonError {
    const after = Math.round(performance.now() - started);
    const why = this.#closing.signal.aborted ? 'the model was closed' : 'no answer within its deadline';
    return new ReasonError('E_MODEL_TIMEOUT', `${why} (${after} ms)`);
  }
}

/** Rejects as soon as the signal aborts, while native code may still be in its last step. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 300);
