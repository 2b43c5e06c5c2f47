import type { Decoded } from '../../../hub/reason/llama-decode.ts';
import type { Writer } from '../../../hub/reason/staged/orchestrator.ts';
import type { ProbeSaid, Question } from '../../../hub/reason/staged/questions.ts';

/** What a scripted writer is asked, in the words of the prompt. */
export interface Asked {
  readonly stage: string;
  readonly prompt: string;
  /** What may be asked now, as the prompt lists it. */
  readonly questions: readonly string[];
}

/** A writer whose words a test chooses; it is asked as any model is. */
export class Scripted implements Writer {
  readonly name = 'scripted';
  readonly room = 100_000;
  readonly asked: Asked[] = [];
  readonly #say: (asked: Asked, signal: AbortSignal) => Promise<string> | string;

  constructor(say: (asked: Asked, signal: AbortSignal) => Promise<string> | string) {
    this.#say = say;
  }

  count = (text: string): number => text.length;

  async write(call: Parameters<Writer['write']>[0]): Promise<Decoded> {
    const stage = /^Now ([a-z]+): /m.exec(call.asked)?.[1] ?? '';
    const list = /^ask: ask the host, of: (.*)$/m.exec(call.asked)?.[1] ?? '';
    const asked = { stage, prompt: call.asked, questions: list === '' ? [] : list.split(', ') };
    this.asked.push(asked);
    const text = await this.#say(asked, call.signal);
    call.watcher?.wrote(text);
    return { text, stop: 'end', pieces: [{ end: text.length, probability: 0.7 }] };
  }
}

/** Good answers about the memory leak of the fixture, in each stage's language. */
export function goodWords({ stage, questions }: Asked, ask: readonly string[] = []): string {
  const asking = questions.length === 0 ? {} : { ask: ask.filter((one) => questions.includes(one)) };
  switch (stage) {
    case 'triage':
      return JSON.stringify({
        class: 'memory-leak',
        others: ['swap-storm'],
        culprits: ['E1'],
        cites: ['e1', 'e2'],
        ...asking,
      });
    case 'logs':
      return JSON.stringify({ finding: 'E3 says that its queue is long', cites: ['e5'], ...asking });
    case 'changes':
      return JSON.stringify({ finding: 'E3 was upgraded before', cites: ['c1'], ...asking });
    case 'remediation':
      return JSON.stringify({
        class: 'memory-leak',
        root_cause: 'E1 holds memory that it never gives back',
        cites: ['e1', 'e2'],
        playbook: 'none',
        commands: [{ do: 'unit-restart', with: ['E3'] }],
        alternatives: ['a queue that is not emptied'],
        needs_human: false,
      });
    default:
      return JSON.stringify({ told: 'E3 leaks memory since its upgrade; restarting it gives it back.' });
  }
}

/** A host that answers each question with one line of its own. */
export const answering = async (_: string, { probe }: Question): Promise<ProbeSaid> => ({
  state: 'done',
  lines: [{ text: `${probe} says so`, trusted: false }],
});

/** Waits until the signal aborts, as a model that hangs does. */
export const hanging = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
