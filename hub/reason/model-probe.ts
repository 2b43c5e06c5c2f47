import process from 'node:process';
import { loadModel } from './llama-model.ts';

/**
 * A program of its own: loads the GGUF that its first argument names and runs one step of it, so that a file that
 * makes llama.cpp abort ends this process and not the hub. The answer is one line on standard output.
 *   node model-probe.js FILE THREADS
 */

/** Standard input ends when the hub does: a probe must not outlive it. */
process.stdin.on('end', () => process.exit(1)).resume();

const [, , file = '', threads = '1'] = process.argv;

/** Ends at once: what native code still holds is the operating system's to free. */
const answer = (line: { readonly ok: boolean; readonly message: string }, code: number): void => {
  process.stdout.write(`sentinel-probe ${JSON.stringify(line)}\n`, () => process.exit(code));
};

try {
  const model = await loadModel(file, Number(threads));
  const { sequence } = model;
  // The first step computes with every tensor: shapes that only look right fail here.
  await sequence.evaluateWithoutGeneratingNewTokens([...model.start, ...model.model.tokenize('a')]);
  for await (const _ of sequence.evaluate(model.model.tokenize('b'), { temperature: 0 })) break;
  answer({ ok: true, message: `context ${model.context.contextSize}` }, 0);
} catch (error) {
  answer({ ok: false, message: error instanceof Error ? error.message : String(error) }, 3);
}
