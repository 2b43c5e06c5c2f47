import { fillTemplate, fitsSlot, type SlotKind } from '../../grammars/catalogue.ts';
import { type PlanAnswer, type PlanInput, parsePlan } from '../../grammars/plan.ts';
import type { Entity, Evidence } from '../evidence/evidence.ts';
import type { Decoded } from './llama-decode.ts';
import { type ProposedCommand, ReasonError } from './reasoner.ts';
import { UNCALIBRATED_CAP } from './validate.ts';

/** What a decoded answer says, with this incident's names in the place of the slots. */
export interface ReadAnswer {
  readonly answer: PlanAnswer;
  readonly rootCause: string;
  readonly alternatives: readonly string[];
  readonly commands: readonly ProposedCommand[];
  readonly confidence: number;
  /** The model's own probability of its class, 0..1. */
  readonly probability: number;
}

/**
 * Reads what the model wrote. Throws a ReasonError E_MODEL_OUTPUT for anything but a whole answer under the grammar:
 * nothing is repaired.
 */
export function readAnswer(decoded: Decoded, plan: PlanInput, evidence: Evidence): ReadAnswer {
  if (decoded.stop !== 'end') throw new ReasonError('E_MODEL_OUTPUT', 'the answer was cut before its end');
  try {
    const answer = parsePlan(decoded.text, plan);
    const probability = probabilityOf(decoded, answer.class);
    const commands = answer.commands.map(({ template, slots }): ProposedCommand => {
      const names: Partial<Record<SlotKind, string>> = {};
      template.slots.forEach((kind, i) => {
        names[kind] = entityOf(evidence, slots[i]).value;
      });
      return {
        command: fillTemplate(template.template, names),
        explanation: template.explanation,
        rollback: template.rollback === null ? null : fillTemplate(template.rollback, names),
      };
    });
    return {
      answer,
      rootCause: withNames(answer.rootCause, evidence),
      alternatives: [...new Set(answer.alternatives)].map((text) => withNames(text, evidence)),
      // A command that is named again would only be run again: each stands there once, where it came first.
      commands: [...new Map(commands.map((command) => [command.command, command])).values()],
      confidence: Math.min(UNCALIBRATED_CAP, probability),
      probability,
    };
  } catch (error) {
    throw new ReasonError('E_MODEL_OUTPUT', error instanceof Error ? error.message : String(error));
  }
}

function entityOf(evidence: Evidence, slot: string | undefined): Entity {
  const entity = evidence.entities.find((one) => one.slot === slot);
  if (entity === undefined) throw new ReasonError('E_MODEL_OUTPUT', `no entity has the slot ${slot}`);
  return entity;
}

/** Of the tokens that spell the class; what it is worth is not known, so that the confidence made of it is capped. */
export function probabilityOf(decoded: Decoded, name: string): number {
  const from = '{"class":"'.length;
  const to = from + name.length;
  let start = 0;
  let product = 1;
  for (const { end, probability } of decoded.pieces) {
    if (end > from && start < to) product *= Number.isFinite(probability) ? Math.min(1, Math.max(0, probability)) : 0;
    start = end;
  }
  return Math.round(product * 1_000) / 1_000;
}

/** Slots of a sentence as an operator reads them. What is no slot of this incident stays as it was written. */
export const withNames = (text: string, evidence: Evidence): string =>
  text.replace(/(?<![A-Za-z0-9])E[1-9][0-9]{0,2}(?![A-Za-z0-9])/g, (slot) => {
    const entity = evidence.entities.find((one) => one.slot === slot);
    return entity === undefined ? slot : (spoken(entity) ?? slot);
  });

const PLAIN_COMM = /^[A-Za-z0-9_][A-Za-z0-9._:+-]{0,31}$/;
const PLAIN_HOST = /^[a-z0-9][a-z0-9-]{0,47}$/;

/** A name for a sentence; null when its characters could mislead whoever reads it. */
export function spoken({ kind, value, process }: Entity): string | null {
  if (kind === 'host') return PLAIN_HOST.test(value) ? value : null;
  if (kind !== 'process') return fitsSlot(kind, value) ? value : null;
  if (!fitsSlot('pid', value)) return null;
  return process !== undefined && PLAIN_COMM.test(process.comm) ? `${process.comm} (pid ${value})` : `pid ${value}`;
}
