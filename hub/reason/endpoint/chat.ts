import { z } from 'zod';
import type { Decoded } from '../llama-decode.ts';
import type { Prompt } from '../prompt.ts';
import { ReasonError } from '../reasoner.ts';
import type { Endpoint } from './config.ts';

/** The form that an answer is to have, in the languages that servers take. */
export interface AskedForm {
  readonly schema: object;
  readonly gbnf: string;
  readonly maxTokens: number;
}

const SEED = 1;

/** One request of the chat interface: nothing random, nothing streamed, the answer's form asked for as the site chose. */
export function requestOf({ model, form }: Pick<Endpoint, 'model' | 'form'>, prompt: Prompt, asked: AskedForm) {
  const forms = {
    schema: {
      response_format: { type: 'json_schema', json_schema: { name: 'plan', strict: true, schema: asked.schema } },
    },
    grammar: { grammar: asked.gbnf },
    none: {},
  };
  return {
    model,
    messages: [
      { role: 'system', content: plainText(prompt.fixed) },
      { role: 'user', content: plainText(prompt.incident) },
    ],
    temperature: 0,
    seed: SEED,
    max_tokens: asked.maxTokens,
    stream: false,
    ...forms[form],
  };
}

/**
 * A server pastes contents into its model's own template, and may read control tokens out of them. A blank after each angle
 * bracket that a name or a bar follows, and in the brackets of the other dialect (a word in capitals, as in [INST] and
 * [/SYSTEM_PROMPT]), makes them plain text (invariant 12).
 */
const plainText = (text: string): string =>
  text.replace(/<(?=[^\s<])/gu, '< ').replace(/\[(?=\/?[A-Z][A-Z_]*\])/g, '[ ');

const reply = z.object({
  choices: z
    .array(z.object({ message: z.object({ content: z.string() }), finish_reason: z.string().max(64).nullish() }))
    .min(1)
    .max(16),
});

/** What a server's reply says, and whether it came to its end. Throws a ReasonError E_MODEL_OUTPUT for what is no reply. */
export function contentOf(body: string): Pick<Decoded, 'text' | 'stop'> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new ReasonError('E_MODEL_OUTPUT', 'its reply is not JSON');
  }
  const read = reply.safeParse(value);
  const [first] = read.success ? read.data.choices : [];
  if (first === undefined) throw new ReasonError('E_MODEL_OUTPUT', 'its reply is none of the chat interface');
  return { text: first.message.content, stop: first.finish_reason === 'length' ? 'maxTokens' : 'end' };
}
