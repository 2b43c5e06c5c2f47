import { type Catalogue, loadCatalogue, withClasses } from '../../grammars/catalogue.ts';
import { PlanError, type PlanInput, planGrammar } from '../../grammars/plan.ts';
import type { Evidence } from '../evidence/evidence.ts';
import type { Playbook } from '../playbook/playbook.ts';
import { type Bin, calibrated } from './calibration.ts';
import { type ReadAnswer, readAnswer } from './llama-answer.ts';
import { countTokens, type Decoded, decode } from './llama-decode.ts';
import { identifyModel, type ModelFile } from './llama-file.ts';
import { type LoadedModel, loadModel } from './llama-model.ts';
import { probeModel } from './llama-probe.ts';
import { type Manifest, ownManifest } from './own-model.ts';
import { buildPrompt, type Prompt, planInput } from './prompt.ts';
import {
  type Diagnosis,
  ReasonError,
  type Repeated,
  type RepeatingReasoner,
  type Trace,
  type Watcher,
} from './reasoner.ts';
import { inWords } from './slot-answer.ts';
import { buildSlotPrompt } from './slot-prompt.ts';
import { UNCALIBRATED_CAP } from './validate.ts';

/** One line for the hub's log. */
export type ReasonLog = (message: string) => void;

export interface LlamaOptions {
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
  readonly catalogue?: Catalogue;
  /** By id: what a model that only chooses may choose, and what fills its choice. Absent: none. */
  readonly playbooks?: ReadonlyMap<string, Playbook>;
  /** Of a model that ships with the hub; absent: the hub's own. */
  readonly manifest?: Manifest | null;
}

/** The same for every call: at temperature 0 it decides nothing, and a replay names it (invariant 14). */
const SEED = 1;
const PROBE_DEADLINE_MS = 120_000;

/**
 * Opens a model for reasoning, after another process showed that it loads; the one that ships with the hub is known by
 * its hash, and was loaded before it was shipped. Rejects with a ReasonError E_MODEL_LOAD or
 * E_MODEL_CRASHED: the hub then goes on with `rules`.
 */
export async function openLlamaReasoner(options: LlamaOptions): Promise<RepeatingReasoner> {
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
  const catalogue = options.catalogue ?? loadCatalogue();
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
  return new LlamaReasoner(loaded, file, own?.calibration ?? [], catalogue, options);
}

class LlamaReasoner implements RepeatingReasoner {
  readonly name: string;
  readonly #loaded: LoadedModel;
  readonly #file: ModelFile;
  readonly #calibration: readonly Bin[];
  readonly #catalogue: Catalogue;
  readonly #playbooks: ReadonlyMap<string, Playbook>;
  readonly #options: LlamaOptions;
  readonly #closing = new AbortController();
  /** Settles when native code is done with the call before: there is one context, so one call at a time. */
  #busy: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(
    loaded: LoadedModel,
    file: ModelFile,
    calibration: readonly Bin[],
    catalogue: Catalogue,
    options: LlamaOptions,
  ) {
    this.name = file.name;
    this.#loaded = loaded;
    this.#file = file;
    this.#calibration = calibration;
    const { training } = loaded;
    this.#catalogue = training === null ? catalogue : withClasses(catalogue, training.classes);
    this.#playbooks = options.playbooks ?? new Map();
    this.#options = options;
  }

  get setting(): RepeatingReasoner['setting'] {
    const { llama } = this.#loaded;
    const { repo, release } = llama.llamaCppRelease;
    return {
      model_sha256: this.#file.sha256,
      model_file: this.#file.path,
      llama_build: `${repo} ${release} ${llama.buildType}`,
      backend: `cpu ${llama.systemInfo.trim()}`,
      threads: this.#options.maxThreads,
      seed: SEED,
    };
  }

  diagnose(evidence: Evidence, signal: AbortSignal, watcher?: Watcher): Promise<Diagnosis> {
    return this.#inTime(signal, (stop, started) => this.#think(evidence, stop, started, watcher));
  }

  async repeat(trace: Trace, signal: AbortSignal): Promise<Repeated> {
    const { prompt, grammar, seed, fixed = 0, max_tokens: most = this.#loaded.context.contextSize } = trace;
    const parts = {
      fixed: prompt.slice(0, fixed),
      incident: prompt.slice(fixed),
      gbnf: grammar,
      maxTokens: most,
      seed,
    };
    const { text, stop, pace } = await this.#inTime(signal, (until) =>
      decode(this.#loaded, { ...parts, signal: until }),
    );
    return { output: text, stop, pace };
  }

  async #inTime<T>(signal: AbortSignal, work: (stop: AbortSignal, started: number) => Promise<T>): Promise<T> {
    const started = performance.now();
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), this.#options.deadlineMs);
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

  async #think(evidence: Evidence, signal: AbortSignal, started: number, watcher?: Watcher): Promise<Diagnosis> {
    const prompt = this.#prompt(evidence);
    const { gbnf, maxTokens } = planGrammar(prompt.plan);
    const { fixed, incident } = prompt;
    watcher?.stage('answer');
    const asked = { fixed, incident, gbnf, maxTokens, seed: SEED, signal };
    const decoded = await decode(this.#loaded, { ...asked, ...(watcher === undefined ? {} : { watcher }) });
    const read = this.#read(decoded, prompt.plan, evidence);
    const { answer } = read;
    return {
      by: this.name,
      class: answer.class,
      root_cause: read.rootCause,
      chain: answer.cites.length === 0 ? [] : [{ claim: read.rootCause, evidence: [...new Set(answer.cites)] }],
      confidence: this.#confidence(read),
      alternatives: read.alternatives,
      needs_human: answer.needsHuman,
      playbook: answer.playbook,
      commands: read.commands,
      ms: Math.round(performance.now() - started),
      trace: {
        ...this.setting,
        prompt: fixed + incident,
        grammar: gbnf,
        output: decoded.text,
        stop: decoded.stop,
        class_probability: read.probability,
        fixed: fixed.length,
        max_tokens: maxTokens,
      },
    };
  }

  /** What its probability was worth where that was measured, on made-up incidents: therefore under the same cap. */
  #confidence({ confidence, probability }: ReadAnswer): number {
    const table = this.#calibration;
    if (table.length === 0) return confidence;
    return Math.min(UNCALIBRATED_CAP, calibrated(probability, { record: { ran: 0, helped: 0 }, table }));
  }

  #read(decoded: Decoded, plan: PlanInput, evidence: Evidence): ReadAnswer {
    const read = readAnswer(decoded, plan, evidence);
    return plan.wordless ? inWords(read, evidence, this.#playbooks) : read;
  }

  #prompt(evidence: Evidence): Prompt {
    const { context, start, training } = this.#loaded;
    const wordless = training !== null;
    try {
      // The room that the longest answer needs is set aside before the prompt gets any.
      const { maxTokens } = planGrammar({ ...planInput(this.#catalogue, evidence), wordless });
      const tokens = context.contextSize - start.length - maxTokens;
      const build = wordless ? buildSlotPrompt : buildPrompt;
      const prompt = build(evidence, this.#catalogue, {
        tokens,
        count: (text) => countTokens(this.#loaded, text),
      });
      if (prompt.leftOut.length > 0) {
        this.#options.log(
          `model ${this.name}: ${prompt.leftOut.length} items of ${evidence.incident} left out for length`,
        );
      }
      return prompt;
    } catch (error) {
      if (error instanceof PlanError) throw new ReasonError('E_MODEL_PROMPT', error.message);
      throw error;
    }
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
