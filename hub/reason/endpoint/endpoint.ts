import { loadCatalogue, withClasses } from '../../../grammars/catalogue.ts';
import { PlanError, planGrammar } from '../../../grammars/plan.ts';
import { inOneForm, planSchema } from '../../../grammars/plan-schema.ts';
import type { Evidence } from '../../evidence/evidence.ts';
import { classesOf } from '../class-names.ts';
import type { Knowledge } from '../llama.ts';
import { readAnswer } from '../llama-answer.ts';
import { buildPrompt, type Prompt, planInput } from '../prompt.ts';
import { type Diagnosis, ENDPOINT_BUILD, ReasonError, type Reasoner, type Watcher } from '../reasoner.ts';
import { contentOf, requestOf } from './chat.ts';
import type { Endpoint } from './config.ts';
import { postTo } from './send.ts';

/** Requests at once: a storm of incidents must not become a storm for the site's server. Others wait their turn. */
const AT_ONCE = 2;
/**
 * How sure its answer counts as being: nothing of it was measured here, and what a server says of its own probabilities
 * can't be checked.
 */
const UNMEASURED = 0.5;
/** Bytes of the prompt for one token: fewer than any tokenizer needs for such text, so that what was counted fits. */
const BYTES_PER_TOKEN = 2.5;

/** A model behind the interface that vLLM, llama-server and Ollama share: asked once, in one answer, and never believed. */
export class EndpointReasoner implements Reasoner {
  readonly name: string;
  readonly #endpoint: Endpoint;
  readonly #knowledge: Knowledge;
  readonly #log: (line: string) => void;
  readonly #closing = new AbortController();
  readonly #waiting: (() => void)[] = [];
  #open = 0;

  constructor(endpoint: Endpoint, knowledge: Knowledge, log: (line: string) => void) {
    this.name = endpoint.name;
    this.#endpoint = endpoint;
    this.#knowledge = knowledge;
    this.#log = log;
  }

  async diagnose(evidence: Evidence, signal: AbortSignal, watcher?: Watcher): Promise<Diagnosis> {
    const started = performance.now();
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), this.#endpoint.deadlineMs);
    const stop = AbortSignal.any([signal, limit.signal, this.#closing.signal]);
    try {
      await this.#turn(stop);
      try {
        return await this.#ask(evidence, stop, started, watcher);
      } finally {
        this.#open--;
        this.#waiting.shift()?.();
      }
    } finally {
      clearTimeout(timer);
    }
  }

  close(): Promise<void> {
    this.#closing.abort();
    return Promise.resolve();
  }

  async #ask(evidence: Evidence, stop: AbortSignal, started: number, watcher?: Watcher): Promise<Diagnosis> {
    const endpoint = this.#endpoint;
    const prompt = this.#prompt(evidence);
    const { plan } = prompt;
    const { gbnf, maxTokens } = planGrammar(plan);
    const form = { schema: planSchema(plan), gbnf, maxTokens };
    const request = requestOf(endpoint, prompt, form);
    watcher?.stage('waiting');
    const { text, stop: ended } = contentOf(await postTo(endpoint, JSON.stringify(request), stop));
    watcher?.stage('answer');
    watcher?.wrote(text);
    const read = readAnswer({ text: oneForm(text), stop: ended, pieces: [] }, plan, evidence);
    const { answer } = read;
    return {
      by: this.name,
      class: answer.class,
      root_cause: read.rootCause,
      chain: answer.cites.length === 0 ? [] : [{ claim: read.rootCause, evidence: [...new Set(answer.cites)] }],
      confidence: UNMEASURED,
      alternatives: read.alternatives,
      needs_human: answer.needsHuman,
      playbook: answer.playbook,
      commands: read.commands,
      ms: Math.round(performance.now() - started),
      trace: {
        model_sha256: '',
        model_file: `${endpoint.model} at ${endpoint.url.href}`,
        llama_build: ENDPOINT_BUILD,
        backend: endpoint.form,
        threads: 0,
        seed: request.seed,
        prompt: request.messages.map(({ content }) => content).join(''),
        grammar: { schema: JSON.stringify(form.schema), grammar: gbnf, none: '' }[endpoint.form],
        output: text,
        stop: ended,
        fixed: request.messages[0]?.content.length ?? 0,
        max_tokens: maxTokens,
      },
    };
  }

  #prompt(evidence: Evidence): Prompt {
    const { catalogue = loadCatalogue(), playbooks = new Map() } = this.#knowledge;
    const named = withClasses(catalogue, classesOf(playbooks.values()));
    try {
      const { maxTokens } = planGrammar(planInput(named, evidence));
      const prompt = buildPrompt(evidence, named, {
        tokens: this.#endpoint.context_tokens - maxTokens,
        count: (text) => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN),
      });
      if (prompt.leftOut.length > 0)
        this.#log(`endpoint ${this.name}: ${prompt.leftOut.length} items of ${evidence.incident} left out for length`);
      return prompt;
    } catch (error) {
      if (error instanceof PlanError) throw new ReasonError('E_MODEL_PROMPT', error.message);
      throw error;
    }
  }

  /** Resolves when it may ask; rejects when its time is over before that. */
  #turn(stop: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = () => {
        const at = this.#waiting.indexOf(go);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(new ReasonError('E_MODEL_TIMEOUT', 'its turn did not come within its deadline'));
      };
      const go = () => {
        stop.removeEventListener('abort', late);
        this.#open++;
        resolve();
      };
      if (stop.aborted) late();
      else if (this.#open < AT_ONCE) go();
      else {
        this.#waiting.push(go);
        stop.addEventListener('abort', late, { once: true });
      }
    });
  }
}

function oneForm(text: string): string {
  try {
    return inOneForm(text);
  } catch (error) {
    // A nest of a hundred thousand brackets is JSON too.
    throw new ReasonError('E_MODEL_OUTPUT', error instanceof Error ? error.message : String(error));
  }
}
