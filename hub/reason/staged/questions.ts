import type { Said } from '../../../broker/messages.ts';
import { PROBES, type ProbeId, type ProbeSubject } from '../../../broker/probe-catalogue.ts';
import type { Entity, Evidence } from '../../evidence/evidence.ts';

/** One question to the incident's host: of the catalogue, about an entity of the evidence. Nobody writes a word of it. */
export interface Question {
  readonly probe: ProbeId;
  /** The slot that it is about; empty for the host itself. */
  readonly about: string;
  /** What the agent is asked for: the entity's own name or pid. */
  readonly param: string;
}

/** What a host answered; `state` is `done`, or why there is no answer. */
export interface ProbeSaid {
  readonly state: string;
  readonly lines: readonly Said[];
}

/** Puts one question to the host of an incident. Never rejects: what can't be asked is an answer too. */
export type AskProbe = (incident: string, question: Question, by: string) => Promise<ProbeSaid>;

/** Questions that a prompt lists: past it a model reads more of them than of the evidence. */
const LISTED = 20;

const KINDS: Readonly<Record<ProbeSubject, readonly Entity['kind'][]>> = {
  nothing: [],
  unit: ['unit'],
  folder: ['mount', 'folder'],
  process: ['process'],
  host: ['host'],
};

/** The questions that a stage may choose from, by the words that stand for them: `memory`, `unit_log E3`. */
export function questionsOf(
  probes: readonly ProbeId[],
  evidence: Evidence,
  asked: ReadonlySet<string>,
): ReadonlyMap<string, Question> {
  const pointedAt = [...evidence.entities].sort((a, b) => Number(b.labels.length > 0) - Number(a.labels.length > 0));
  const all = probes.flatMap((probe): readonly (readonly [string, Question])[] => {
    const { about } = PROBES[probe];
    if (about === 'nothing') return [[probe, { probe, about: '', param: '' }]];
    return pointedAt
      .filter(({ kind, value }) => KINDS[about].includes(kind) && value !== evidence.host)
      .map(({ slot, value }) => [`${probe} ${slot}`, { probe, about: slot, param: value }]);
  });
  return new Map(all.filter(([words]) => !asked.has(words)).slice(0, LISTED));
}
