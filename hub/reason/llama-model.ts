import type { Llama, LlamaContext, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import { type SlotTraining, slotTraining } from './slot-model.ts';

/** Tokens of prompt and answer together: what an incident needs, and no more memory than that. */
export const MAX_CONTEXT = 4_096;

/** Tokens that native code works on at a time: an abort waits for one such step at most. */
export const BATCH = 128;

/** A model in memory with the one context in which it thinks. */
export interface LoadedModel {
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly context: LlamaContext;
  readonly sequence: LlamaContextSequence;
  /** What a model of ours says of its training; null for any other. */
  readonly training: SlotTraining | null;
  /** What every prompt begins with: the begin token where the model has one. */
  readonly start: readonly Token[];
  /** Milliseconds that it took. */
  readonly took: LoadTime;
}

/** Apart, since the library tries its binary in a process of its own first, each time: that costs the same for any model. */
export interface LoadTime {
  readonly library: number;
  readonly file: number;
}

/**
 * Loads a GGUF on the CPU, with nothing compiled, downloaded or printed. Rejects when llama.cpp refuses the file; it
 * may also abort the process, so probe an unknown file in another one first.
 */
export async function loadModel(file: string, threads: number): Promise<LoadedModel> {
  const began = performance.now();
  // Costs a tenth of a second and native code: a hub without a model never pays it.
  const { getLlama, LlamaLogLevel } = await import('node-llama-cpp');
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.disabled,
    logger: () => {},
    maxThreads: threads,
  });
  const ready = performance.now();
  try {
    // Read, not mapped: a file that is written over would change the weights under the hash that decisions name, and one
    // that is cut short would end the process with SIGBUS.
    const model = await llama.loadModel({ modelPath: file, gpuLayers: 0, useMmap: false });
    const context = await model.createContext({
      contextSize: Math.min(model.trainContextSize, MAX_CONTEXT),
      batchSize: BATCH,
      sequences: 1,
      threads,
      // The default shrinks the context and tries again: a smaller one would change every token budget in silence.
      failedCreationRemedy: false,
    });
    const { bos } = model.tokens;
    const training = slotTraining(model.fileInfo.metadata);
    const sequence = context.getSequence();
    const took = { library: Math.round(ready - began), file: Math.round(performance.now() - ready) };
    return { llama, model, context, sequence, training, start: bos === null ? [] : [bos], took };
  } catch (error) {
    await llama.dispose();
    throw error;
  }
}
