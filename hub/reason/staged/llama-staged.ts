import type { Evidence } from '../../evidence/evidence.ts';
import type { Knowledge } from '../llama.ts';
import { type LlamaEngine, SEED } from '../llama-engine.ts';
import type { Diagnosis, Repeated, RepeatingReasoner, Trace, Watcher } from '../reasoner.ts';
import type { Writer } from './orchestrator.ts';
import type { AskProbe } from './questions.ts';
import { diagnoseInStages } from './staged.ts';

/** So much of the deadline is kept back, so that an answer is put together before the whole of it is over. */
const SPARE = 0.05;

/** Any GGUF that thinks in stages: the incident stays in its context, and each stage reads only what is new. */
export class StagedLlama implements RepeatingReasoner {
  readonly #engine: LlamaEngine;
  readonly #ask: AskProbe | null;
  readonly #knowledge: Knowledge;

  /** `ask` puts questions to hosts; null where there is none to ask. */
  constructor(engine: LlamaEngine, ask: AskProbe | null, knowledge: Knowledge) {
    this.#engine = engine;
    this.#ask = ask;
    this.#knowledge = knowledge;
  }

  get name(): string {
    return this.#engine.name;
  }

  get setting(): RepeatingReasoner['setting'] {
    return this.#engine.setting;
  }

  diagnose(evidence: Evidence, signal: AbortSignal, watcher?: Watcher): Promise<Diagnosis> {
    const engine = this.#engine;
    const until = performance.now() + engine.deadlineMs * (1 - SPARE);
    const options = {
      ...this.#knowledge,
      writer: writerOf(engine),
      setting: engine.setting,
      ask: this.#ask,
      log: engine.log,
    };
    return engine.inTime(signal, (stop, started) =>
      diagnoseInStages(evidence, options, { signal: stop, started, until, watcher }),
    );
  }

  repeat(trace: Trace, signal: AbortSignal): Promise<Repeated> {
    return this.#engine.repeat(trace, signal);
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}

const writerOf = (engine: LlamaEngine): Writer => ({
  name: engine.name,
  room: engine.room,
  count: (text) => engine.count(text),
  write: ({ fixed, asked, gbnf, maxTokens, signal, watcher }) => {
    const input = { fixed, incident: asked, gbnf, maxTokens, seed: SEED, signal };
    return engine.write(watcher === undefined ? input : { ...input, watcher });
  },
});
