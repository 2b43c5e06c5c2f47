import { type Knowledge, LlamaReasoner } from './llama.ts';
import { type EngineOptions, openEngine } from './llama-engine.ts';
import type { RepeatingReasoner } from './reasoner.ts';
import { StagedLlama } from './staged/llama-staged.ts';
import type { AskProbe } from './staged/questions.ts';
import type { Way } from './ways.ts';

export interface WayOptions extends EngineOptions, Knowledge {
  /** Absent: in one answer. */
  readonly way?: Way;
  /** Puts questions to hosts; null where there is none to ask. */
  readonly ask?: AskProbe | null;
}

/**
 * Opens a model that thinks in the way that was chosen. One that was trained by us knows one language, and keeps to it.
 * Rejects as `openEngine` does.
 */
export async function openModelReasoner(options: WayOptions): Promise<RepeatingReasoner> {
  const engine = await openEngine(options);
  if (options.way !== 'staged') return new LlamaReasoner(engine, options);
  if (engine.training === null) return new StagedLlama(engine, options.ask ?? null, options);
  options.log(`model ${engine.name}: it was trained to answer in one go, and does`);
  return new LlamaReasoner(engine, options);
}
