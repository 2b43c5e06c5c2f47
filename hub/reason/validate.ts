import { z } from 'zod';
import type { Evidence } from '../evidence/evidence.ts';
import { injectionsIn } from '../evidence/injection.ts';
import { oneLine } from '../evidence/words.ts';
import type { Claim } from '../incident.ts';
import type { Diagnosis, ProposedCommand } from './reasoner.ts';
import { unseenNames } from './validate-names.ts';

/**
 * A figure that was not calibrated on held-out incidents does not reach the 0.80 at which rules start. Those of `rules`
 * are (see calibration.ts); no model's is.
 */
export const UNCALIBRATED_CAP = 0.79;
/** Evidence that talks to its reader keeps the incident with a person: below the table's last row (docs/design.md section 8). */
export const INJECTED_CAP = 0.69;
/** An answer without one cited claim is a guess. */
const UNCITED_CAP = 0.3;

/** What one answer may hold: what an operator reads on one screen, and what an order can carry. */
const LIMITS = {
  claims: 12,
  cited: 8,
  alternatives: 3,
  commands: 8,
  command: 1_024,
  sentence: 500,
  explanation: 300,
  trace: 262_144,
  /** Of a model that thinks in stages, and the probes that it asks; an agent's answer has at most so many lines. */
  calls: 15,
  lines: 80,
} as const;

const line = (max: number) =>
  z
    .string()
    .max(4_096)
    .transform((text) => oneLine(text, max));
const trace = z.string().max(LIMITS.trace);
const commandText = z.string().min(1).max(LIMITS.command);

const shape = z.object({
  by: z
    .string()
    .min(1)
    .max(128)
    .transform((text) => oneLine(text, 64)),
  class: z.string().regex(/^[a-z][a-z0-9_-]{0,47}$/),
  root_cause: line(LIMITS.sentence).pipe(z.string().min(1)),
  chain: z.array(z.object({ claim: line(LIMITS.explanation), evidence: z.array(z.string().max(16)).max(64) })).max(64),
  confidence: z.number(),
  alternatives: z.array(line(LIMITS.explanation)).max(64),
  needs_human: z.boolean(),
  playbook: z.string().max(48).nullable(),
  commands: z
    .array(
      z.object({
        command: commandText,
        explanation: line(LIMITS.explanation),
        rollback: commandText.nullable(),
      }),
    )
    .max(64),
  ms: z.number().min(0).max(3_600_000),
  trace: z
    .object({
      model_sha256: z.string().max(128),
      model_file: z.string().max(4_096),
      llama_build: z.string().max(256),
      backend: z.string().max(256),
      threads: z.number(),
      seed: z.number(),
      prompt: trace,
      grammar: trace,
      output: trace,
      stop: z.string().max(64),
      class_probability: z.number().min(0).max(1).exactOptional(),
      fixed: z.number().exactOptional(),
      max_tokens: z.number().exactOptional(),
      calls: z
        .array(
          z.object({
            stage: z.string().max(64),
            prompt: trace,
            grammar: trace,
            max_tokens: z.number(),
            output: trace,
            stop: z.string().max(64),
            failed: z.string().max(1_024).exactOptional(),
          }),
        )
        .max(LIMITS.calls)
        .exactOptional(),
      probes: z
        .array(
          z.object({
            probe: z.string().max(64),
            about: z.string().max(16),
            state: z.string().max(64),
            lines: z.array(z.object({ text: z.string().max(1_024), trusted: z.boolean() })).max(LIMITS.lines),
          }),
        )
        .max(LIMITS.calls)
        .exactOptional(),
    })
    .nullable(),
});

export interface Validated {
  readonly diagnosis: Diagnosis;
  /** What was dropped or lowered, and why: one sentence each, for the audit record. */
  readonly notes: readonly string[];
  /** Untrusted evidence addresses its reader: the plan's risk rises. */
  readonly injection: boolean;
}

/**
 * Checks any reasoner's answer against the evidence that it was given. What is wrong in part is dropped and noted;
 * what is not a diagnosis at all gives `error`. Never throws.
 */
export function validateDiagnosis(diagnosis: unknown, evidence: Evidence): Validated | { readonly error: string } {
  const read = shape.safeParse(diagnosis);
  if (!read.success) {
    const [issue] = read.error.issues;
    return {
      error: `E_MODEL_OUTPUT ${issue?.path.join('.') || 'answer'}: ${oneLine(issue?.message ?? 'no diagnosis', 160)}`,
    };
  }
  const given = read.data;
  const notes: string[] = [];
  const chain = citedClaims(given.chain, evidence, notes);
  const commands = usableCommands(given.commands, evidence, notes);
  const alternatives = [...new Set(given.alternatives.filter((one) => one !== ''))];
  if (alternatives.length > LIMITS.alternatives) notes.push('more than three alternatives: the first three are kept');
  const known = given.playbook === null || evidence.playbooks.some((one) => one.id === given.playbook);
  if (!known) notes.push(`playbook "${oneLine(given.playbook ?? '', 48)}" is no candidate of this incident`);
  // A playbook that is no candidate would bring its own commands past the check above.
  const runnable = chain.length > 0 ? commands : [];
  const playbook = known && runnable.length > 0 ? given.playbook : null;
  if (chain.length === 0) notes.push('no claim cites the evidence: a person is needed');
  const planted = injectionsIn(evidence.items);
  if (planted.length > 0) notes.push(`evidence addresses its reader: ${planted.slice(0, 8).join(', ')}`);
  const cap = Math.min(capOf(given.by, planted.length > 0), chain.length === 0 ? UNCITED_CAP : 1);
  return {
    diagnosis: {
      ...given,
      chain,
      commands: runnable,
      alternatives: alternatives.slice(0, LIMITS.alternatives),
      confidence: Number.isFinite(given.confidence) ? Math.min(cap, Math.max(0, given.confidence)) : 0,
      needs_human: given.needs_human || runnable.length === 0,
      playbook,
    },
    notes,
    injection: planted.length > 0,
  };
}

/**
 * One answer out of several validated ones. `rules` is the second opinion: who agrees with it raises the confidence
 * within the cap; who disagrees and is as sure lowers it, and its cause stays as an alternative either way. While no model
 * is calibrated on real incidents, a cause that `rules` knows keeps its lead, whether it has a plan or calls a person; a
 * model leads where `rules` knows none.
 */
export function reconcile(diagnoses: readonly Diagnosis[], evidence: Evidence): Diagnosis {
  const [best, ...others] = [...diagnoses].sort(byTrust);
  if (best === undefined) return nobodyKnows();
  if (others.length === 0) return best;
  const agreeing = others.filter((one) => agrees(best, one));
  // Who knows nothing contradicts nobody.
  const opposed = others.filter((one) => one.class !== 'unknown' && one.class !== best.class && !agrees(best, one));
  const injected = injectionsIn(evidence.items).length > 0;
  const highest = Math.max(best.confidence, ...agreeing.map((one) => one.confidence));
  // Who agrees raises what was not measured; what was measured stays, since nobody has measured the agreement.
  // Nor does the figure of an answer that calls for a person say anything of a plan that calls for none.
  const measured =
    [best, ...agreeing].find(({ by, needs_human }) => by === CALIBRATED && (best.needs_human || !needs_human))
      ?.confidence ?? 0;
  const raised = agreeing.length > 0 ? Math.max(measured, Math.min(UNCALIBRATED_CAP, highest + 0.05)) : best.confidence;
  const unsupported = agreeing.length === 0 && best.by !== 'rules';
  // What `rules` proves was proven without a model: one that is less sure takes nothing away from it.
  const doubted = opposed.some((one) => one.confidence >= best.confidence);
  const confidence = doubted || unsupported ? raised * 0.8 : raised;
  const chain = [...best.chain, ...agreeing.flatMap((one) => one.chain)];
  const instead = opposed.map((one) => oneLine(one.root_cause, LIMITS.explanation));
  // The last place is kept for who is less sure.
  const alternatives = doubted
    ? [...instead, ...best.alternatives]
    : [...best.alternatives.slice(0, LIMITS.alternatives - 1), ...instead, ...best.alternatives];
  return {
    ...best,
    by: namesOf([best, ...agreeing]),
    chain: uniqueClaims(chain).slice(0, LIMITS.claims),
    confidence: Math.min(capOf(namesOf([best, ...agreeing]), injected), Math.round(confidence * 100) / 100),
    alternatives: [...new Set(alternatives)].slice(0, LIMITS.alternatives),
    ms: Math.max(...diagnoses.map((one) => one.ms)),
    trace: [best, ...agreeing].find((one) => one.trace !== null)?.trace ?? null,
  };
}

/** The reasoner whose confidence was measured; no model may take its name (see llama-file.ts). */
export const CALIBRATED = 'rules';

const isCalibrated = (by: string): boolean => by.split('+').includes(CALIBRATED);

const capOf = (by: string, injected: boolean): number =>
  injected ? INJECTED_CAP : isCalibrated(by) ? 1 : UNCALIBRATED_CAP;

function citedClaims(claims: readonly Claim[], evidence: Evidence, notes: string[]): readonly Claim[] {
  const ids = new Set(evidence.items.map((item) => item.id));
  const cited = claims.flatMap(({ claim, evidence: named }) => {
    const found = [...new Set(named.filter((id) => ids.has(id)))].slice(0, LIMITS.cited);
    return found.length > 0 && claim !== '' ? [{ claim, evidence: found }] : [];
  });
  const dropped = claims.length - cited.length;
  if (dropped > 0)
    notes.push(`${dropped} ${dropped === 1 ? 'claim cites' : 'claims cite'} no evidence that exists: dropped`);
  return cited.slice(0, LIMITS.claims);
}

/** All of the commands or none: a plan that names something unseen is not trusted in part. */
function usableCommands(
  commands: readonly ProposedCommand[],
  evidence: Evidence,
  notes: string[],
): readonly ProposedCommand[] {
  const texts = commands.flatMap(({ command, rollback }) => (rollback === null ? [command] : [command, rollback]));
  const control = texts.find((text) => /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text));
  const unseen = texts.flatMap((text) => unseenNames(text, evidence.entities));
  if (control !== undefined) notes.push('a command holds control characters: none is kept');
  else if (unseen.length > 0)
    notes.push(`a command names ${oneLine(unseen[0] ?? '', 64)}, which the evidence does not hold: none is kept`);
  else if (commands.length > LIMITS.commands) notes.push(`more than ${LIMITS.commands} commands: none is kept`);
  else return commands;
  return [];
}

/** The same plan: the same playbook, or the same cause treated by the same commands. */
function agrees(a: Diagnosis, b: Diagnosis): boolean {
  if (a.playbook !== null && a.playbook === b.playbook) return true;
  const texts = (one: Diagnosis): string => one.commands.map(({ command }) => command).join('\n');
  return a.class === b.class && texts(a) === texts(b);
}

const isActionable = (one: Diagnosis): boolean => !one.needs_human && one.commands.length > 0;

const isKnownByRules = ({ by, class: of }: Diagnosis): boolean => by === CALIBRATED && of !== 'unknown';

const byTrust = (a: Diagnosis, b: Diagnosis): number =>
  Number(isKnownByRules(b)) - Number(isKnownByRules(a)) ||
  Number(isActionable(b)) - Number(isActionable(a)) ||
  Number(b.by === 'rules') - Number(a.by === 'rules') ||
  b.confidence - a.confidence ||
  (a.by < b.by ? -1 : 1);

/** `model+rules`: models by name, then rules. */
const namesOf = (all: readonly Diagnosis[]): string =>
  [...new Set(all.map((one) => one.by))]
    .sort((a, b) => Number(a === 'rules') - Number(b === 'rules') || (a < b ? -1 : 1))
    .join('+');

function uniqueClaims(claims: readonly Claim[]): readonly Claim[] {
  const seen = new Set<string>();
  return claims.filter(({ claim }) => !seen.has(claim) && seen.add(claim));
}

const nobodyKnows = (): Diagnosis => ({
  by: 'nobody',
  class: 'unknown',
  root_cause: 'No reasoner gave an answer: a person is needed.',
  chain: [],
  confidence: 0,
  alternatives: [],
  needs_human: true,
  playbook: null,
  commands: [],
  ms: 0,
  trace: null,
});
