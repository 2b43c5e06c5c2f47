import type { PlanAnswer } from '../../grammars/plan.ts';
import type { Evidence } from '../evidence/evidence.ts';
import { oneLine } from '../evidence/words.ts';
import { type FilledPlaybook, fillFromEvidence } from '../playbook/fill.ts';
import type { Playbook } from '../playbook/playbook.ts';
import { type ReadAnswer, spoken } from './llama-answer.ts';
import { causeOf } from './rules-causes.ts';

/** As the rules say it: what an operator reads in one look. */
const LONGEST = 450;

/**
 * What a model chose, as a plan: its playbook filled from the evidence, its class in the measured words. A playbook that
 * does not fit this incident gives way to the next candidate of the same class; where there is none a person is needed.
 */
export function inWords(read: ReadAnswer, evidence: Evidence, playbooks: ReadonlyMap<string, Playbook>): ReadAnswer {
  const { answer } = read;
  const filled = firstThatFits(answer, evidence, playbooks);
  const commands = filled?.steps ?? read.commands;
  const chosen: PlanAnswer = {
    ...answer,
    playbook: filled?.playbook.id ?? null,
    needsHuman: answer.needsHuman || (filled?.playbook.needs_human ?? true),
  };
  const measured = `${causeInWords(answer.class, playbooks)} ${causeOf(evidence).sentence}`;
  return {
    ...read,
    answer: chosen,
    commands,
    rootCause: oneLine(`${measured}${pointsTo(answer, evidence, measured)}`, LONGEST),
    alternatives: [...new Set(answer.alternatives)].filter((name) => name !== answer.class).map(plain),
  };
}

function firstThatFits(
  answer: PlanAnswer,
  evidence: Evidence,
  playbooks: ReadonlyMap<string, Playbook>,
): FilledPlaybook | null {
  if (answer.playbook === null) return null;
  for (const id of new Set([answer.playbook, ...evidence.playbooks.map((match) => match.id)])) {
    const playbook = playbooks.get(id);
    if (playbook?.class !== answer.class) continue;
    const filling = fillFromEvidence(playbook, evidence);
    if (filling.ok) return filling.filled;
  }
  return null;
}

/** Those to blame whom the measured sentence does not name. */
function pointsTo({ culprits }: PlanAnswer, evidence: Evidence, measured: string): string {
  const names = culprits.flatMap((slot) => {
    const entity = evidence.entities.find((one) => one.slot === slot);
    const name = entity === undefined ? null : spoken(entity);
    return name === null || measured.includes(name) ? [] : [name];
  });
  return names.length === 0 ? '' : ` The evidence points to ${[...new Set(names)].join(' and ')}.`;
}

/** The sentence of a playbook that treats the class, else the class itself. */
function causeInWords(name: string, playbooks: ReadonlyMap<string, Playbook>): string {
  if (name === 'unknown') return 'The evidence does not show the cause.';
  const told = [...playbooks.values()].find((one) => one.class === name && one.cause !== '');
  const words = plain(name);
  return told?.cause ?? `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

const plain = (name: string): string => name.replaceAll('-', ' ');
