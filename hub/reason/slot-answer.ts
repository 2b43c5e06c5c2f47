import type { PlanAnswer } from '../../grammars/plan.ts';
import type { Evidence } from '../evidence/evidence.ts';
import { oneLine } from '../evidence/words.ts';
import { fillFromEvidence } from '../playbook/fill.ts';
import type { Playbook } from '../playbook/playbook.ts';
import type { ReadAnswer } from './llama-answer.ts';
import { causeOf } from './rules-causes.ts';

/** As the rules say it: what an operator reads in one look. */
const LONGEST = 450;

/**
 * What a model chose, as a plan: its playbook filled from the evidence, its class in the measured words. A playbook that
 * treats another class than the model named, or that does not fit this incident, is no plan: a person is needed.
 */
export function inWords(read: ReadAnswer, evidence: Evidence, playbooks: ReadonlyMap<string, Playbook>): ReadAnswer {
  const { answer } = read;
  const playbook = answer.playbook === null ? undefined : playbooks.get(answer.playbook);
  const filling = playbook === undefined ? null : fillFromEvidence(playbook, evidence);
  const fits = playbook?.class === answer.class && filling?.ok === true;
  const commands = fits ? filling.filled.steps : read.commands;
  const chosen: PlanAnswer = fits
    ? { ...answer, needsHuman: answer.needsHuman || playbook.needs_human }
    : { ...answer, playbook: null, needsHuman: true };
  return {
    ...read,
    answer: chosen,
    commands,
    rootCause: oneLine(`${causeInWords(answer.class, playbooks)} ${causeOf(evidence).sentence}`, LONGEST),
    alternatives: [...new Set(answer.alternatives)].filter((name) => name !== answer.class).map(spoken),
  };
}

/** The sentence of a playbook that treats the class, else the class itself. */
function causeInWords(name: string, playbooks: ReadonlyMap<string, Playbook>): string {
  if (name === 'unknown') return 'The evidence does not show the cause.';
  const told = [...playbooks.values()].find((one) => one.class === name && one.cause !== '');
  const words = spoken(name);
  return told?.cause ?? `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

const spoken = (name: string): string => name.replaceAll('-', ' ');
