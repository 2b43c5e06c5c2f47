import type { Token } from 'node-llama-cpp';
import { BATCH, type LoadedModel } from './llama-model.ts';
import type { Watcher } from './reasoner.ts';

/** What the model wrote, and how sure its own probabilities were of each piece. */
export interface Decoded {
  readonly text: string;
  /** `end` when the grammar was complete, `maxTokens` when it was cut. */
  readonly stop: 'end' | 'maxTokens';
  /** The probability of each token, with the length of the text up to and with it. */
  readonly pieces: readonly Piece[];
}

/** The same, with what it cost: no part of what was said. */
export interface PacedDecoded extends Decoded {
  readonly pace: Pace;
}

/** How fast a model read and wrote. */
export interface Pace {
  /** Tokens of the prompt that were not kept from the call before, and the milliseconds that they took. */
  readonly read: number;
  readonly read_ms: number;
  readonly written: number;
  readonly write_ms: number;
}

export interface Piece {
  readonly end: number;
  readonly probability: number;
}

export interface DecodeInput {
  /** The prompt's constant part: kept in the context from call to call. */
  readonly fixed: string;
  readonly incident: string;
  readonly gbnf: string;
  readonly maxTokens: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  /** Told as it reads and writes. */
  readonly watcher?: Watcher;
}

/** Number of tokens of a text; foreign text never becomes a control token, whatever it spells. */
export const countTokens = (loaded: LoadedModel, text: string): number => loaded.model.tokenize(text, false).length;

/**
 * Decodes one answer under the grammar at temperature 0. Rejects with the signal's reason when it aborts, after the
 * step that native code is in: the context is then usable for the next call.
 */
export async function decode(loaded: LoadedModel, input: DecodeInput): Promise<PacedDecoded> {
  const { model, sequence } = loaded;
  const { LlamaGrammarEvaluationState } = await import('node-llama-cpp');
  const grammar = await loaded.llama.createGrammar({ grammar: input.gbnf });
  const fixed: Token[] = [...loaded.start, ...model.tokenize(input.fixed, false)];
  const incident = model.tokenize(input.incident, false);
  input.signal.throwIfAborted();

  // The constant part is always evaluated by itself, in the same steps: whether it was kept or not, the numbers
  // that follow are the same (invariant 14).
  await sequence.adaptStateToTokens(fixed, false);
  const began = performance.now();
  const isKept = sequence.nextTokenIndex === fixed.length;
  if (!isKept) {
    await sequence.clearHistory();
    await feed(loaded, fixed, input.signal);
  }
  const last = incident.splice(-1);
  await feed(loaded, incident, input.signal);
  const read = performance.now();

  const written: Token[] = [];
  const pieces: Piece[] = [];
  let length = 0;
  let stop: Decoded['stop'] = 'maxTokens';
  const steps = sequence.evaluateWithMetadata(
    last,
    { confidence: true },
    {
      temperature: 0,
      seed: input.seed,
      grammarEvaluationState: new LlamaGrammarEvaluationState({ model, grammar }),
      yieldEogToken: true,
    },
  );
  for await (const { token, confidence } of steps) {
    input.signal.throwIfAborted();
    if (model.isEogToken(token)) {
      stop = 'end';
      break;
    }
    const piece = model.detokenize([token], true, written);
    length += piece.length;
    input.watcher?.wrote(piece);
    written.push(token);
    pieces.push({ end: length, probability: confidence });
    if (written.length >= input.maxTokens) break;
  }
  // With control tokens spelled out, as the grammar saw them: what it admitted is what is read.
  const pace: Pace = {
    read: incident.length + (isKept ? 0 : fixed.length),
    read_ms: read - began,
    written: written.length,
    write_ms: performance.now() - read,
  };
  return { text: model.detokenize(written, true), stop, pieces, pace };
}

async function feed(loaded: LoadedModel, tokens: readonly Token[], signal: AbortSignal): Promise<void> {
  for (let at = 0; at < tokens.length; at += BATCH) {
    signal.throwIfAborted();
    await loaded.sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(at, at + BATCH));
  }
}
