import { type Catalogue, loadCatalogue, withClasses } from '../../grammars/catalogue.ts';
import { PlanError, type PlanInput, planGrammar } from '../../grammars/plan.ts';
import type { Evidence } from '../evidence/evidence.ts';
import type { Playbook } from '../playbook/playbook.ts';
import { calibrated } from './calibration.ts';
import { type ReadAnswer, readAnswer } from './llama-answer.ts';
import type { Decoded } from './llama-decode.ts';
import { type EngineOptions, type LlamaEngine, openEngine, SEED } from './llama-engine.ts';
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

/** What a model knows beside the incident. */
export interface Knowledge {
  readonly catalogue?: Catalogue;
  /** By id: what a model that only chooses may choose, and what fills its choice. Absent: none. */
  readonly playbooks?: ReadonlyMap<string, Playbook>;
}

export interface LlamaOptions extends EngineOptions, Knowledge {}

/** Opens a model that answers in one go. Rejects as `openEngine` does. */
export async function openLlamaReasoner(options: LlamaOptions): Promise<RepeatingReasoner> {
  return new LlamaReasoner(await openEngine(options), options);
}

/** A model that says all in one answer: the hub's own, in the language of slots, and any other in its own words. */
export class LlamaReasoner implements RepeatingReasoner {
  readonly #engine: LlamaEngine;
  readonly #catalogue: Catalogue;
  readonly #playbooks: ReadonlyMap<string, Playbook>;

  constructor(engine: LlamaEngine, { catalogue = loadCatalogue(), playbooks = new Map() }: Knowledge) {
    this.#engine = engine;
    const { training } = engine;
    this.#catalogue = training === null ? catalogue : withClasses(catalogue, training.classes);
    this.#playbooks = playbooks;
  }

  get name(): string {
    return this.#engine.name;
  }

  get setting(): RepeatingReasoner['setting'] {
    return this.#engine.setting;
  }

  diagnose(evidence: Evidence, signal: AbortSignal, watcher?: Watcher): Promise<Diagnosis> {
    return this.#engine.inTime(signal, (stop, started) => this.#think(evidence, stop, started, watcher));
  }

  repeat(trace: Trace, signal: AbortSignal): Promise<Repeated> {
    return this.#engine.repeat(trace, signal);
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  async #think(evidence: Evidence, signal: AbortSignal, started: number, watcher?: Watcher): Promise<Diagnosis> {
    const prompt = this.#prompt(evidence);
    const { gbnf, maxTokens } = planGrammar(prompt.plan);
    const { fixed, incident } = prompt;
    watcher?.stage('answer');
    const asked = { fixed, incident, gbnf, maxTokens, seed: SEED, signal };
    const decoded = await this.#engine.write({ ...asked, ...(watcher === undefined ? {} : { watcher }) });
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
    const table = this.#engine.calibration;
    if (table.length === 0) return confidence;
    return Math.min(UNCALIBRATED_CAP, calibrated(probability, { record: { ran: 0, helped: 0 }, table }));
  }

  #read(decoded: Decoded, plan: PlanInput, evidence: Evidence): ReadAnswer {
    const read = readAnswer(decoded, plan, evidence);
    return plan.wordless ? inWords(read, evidence, this.#playbooks) : read;
  }

  #prompt(evidence: Evidence): Prompt {
    const { room, training } = this.#engine;
    const wordless = training !== null;
    try {
      // The room that the longest answer needs is set aside before the prompt gets any.
      const { maxTokens } = planGrammar({ ...planInput(this.#catalogue, evidence), wordless });
      const tokens = room - maxTokens;
      const build = wordless ? buildSlotPrompt : buildPrompt;
      const prompt = build(evidence, this.#catalogue, {
        tokens,
        count: (text) => this.#engine.count(text),
      });
      if (prompt.leftOut.length > 0) {
        this.#engine.log(
          `model ${this.name}: ${prompt.leftOut.length} items of ${evidence.incident} left out for length`,
        );
      }
      return prompt;
    } catch (error) {
      if (error instanceof PlanError) throw new ReasonError('E_MODEL_PROMPT', error.message);
      throw error;
    }
  }
}
