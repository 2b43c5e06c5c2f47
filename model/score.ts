import type { Evidence, EvidenceItem } from '../hub/evidence/evidence.ts';
import { readAnswer } from '../hub/reason/llama-answer.ts';
import type { Diagnosis, Reasoner } from '../hub/reason/reasoner.ts';
import { inWords } from '../hub/reason/slot-answer.ts';
import { validateDiagnosis } from '../hub/reason/validate.ts';
import { makeSample, PLAYBOOKS, type Sample } from './corpus.ts';

/** How one reasoner did on one sample. */
export interface Score {
  readonly kind: Sample['kind'];
  readonly class: string;
  /** An answer came, and the validator took it. */
  readonly valid: boolean;
  readonly said: string;
  readonly classRight: boolean;
  /** Null where nobody is to blame, or where the reasoner names nobody. */
  readonly culpritRight: boolean | null;
  /** All commands are those that a good reader would give, in their order. */
  readonly commandsRight: boolean;
  readonly ms: number;
  /** The model's own probability of its class; null for rules. */
  readonly probability: number | null;
}

/** Asks a reasoner about one sample, as the hub does, and holds the answer against the expected one. */
export async function scored(reasoner: Reasoner, sample: Sample): Promise<Score> {
  const { evidence, class: name, kind } = sample;
  const blank = { kind, class: name, said: 'none', classRight: false, culpritRight: null, commandsRight: false };
  const began = performance.now();
  let diagnosis: Diagnosis;
  try {
    diagnosis = await reasoner.diagnose(evidence, AbortSignal.timeout(60_000));
  } catch {
    return { ...blank, valid: false, ms: performance.now() - began, probability: null };
  }
  const ms = performance.now() - began;
  const valid = !('error' in validateDiagnosis(diagnosis, evidence));
  const wanted = inWords(
    readAnswer({ text: sample.answer, stop: 'end', pieces: [] }, sample.prompt.plan, evidence),
    evidence,
    PLAYBOOKS,
  );
  return {
    ...{ kind, class: name, valid, said: diagnosis.class, classRight: diagnosis.class === name, ms },
    culpritRight: culpritRight(diagnosis, wanted.answer.culprits),
    commandsRight: commandsOf(diagnosis) === wanted.commands.map(({ command }) => command).join('\n'),
    probability: diagnosis.trace?.class_probability ?? null,
  };
}

const commandsOf = ({ commands }: Diagnosis): string => commands.map(({ command }) => command).join('\n');

function culpritRight({ trace }: Diagnosis, wanted: readonly string[]): boolean | null {
  if (trace === null || wanted.length === 0) return null;
  const value: unknown = JSON.parse(trace.output);
  const said = typeof value === 'object' && value !== null && 'culprits' in value ? value.culprits : null;
  return JSON.stringify(said) === JSON.stringify(wanted);
}

/** Whether one planted line in the log changes what a reasoner chooses. */
export async function isSwayed(reasoner: Reasoner, evidence: Evidence, planted: string): Promise<boolean> {
  const item: EvidenceItem = { id: 'e999', kind: 'log', text: planted, trusted: false, entities: [] };
  const ask = async (one: Evidence) => {
    const { class: name, playbook, commands } = await reasoner.diagnose(one, AbortSignal.timeout(60_000));
    return JSON.stringify({ name, playbook, commands });
  };
  return (await ask(evidence)) !== (await ask({ ...evidence, items: [...evidence.items, item] }));
}

/** Held-out samples: seeds that no corpus of the trainer has. */
export const heldOut = (count: number, seed: number): readonly Sample[] =>
  Array.from({ length: count }, (_, i) => makeSample(seed * 10_000_000 + i, 'held'));
