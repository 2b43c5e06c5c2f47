import type { ProbeId } from '../../../broker/probe-catalogue.ts';
import type { Template } from '../../../grammars/catalogue.ts';
import type { PlanGrammar } from '../../../grammars/plan.ts';
import type { Evidence } from '../../evidence/evidence.ts';
import type { Claim } from '../../incident.ts';
import type { ReadAnswer } from '../llama-answer.ts';
import type { Decoded } from '../llama-decode.ts';
import type { Prompt } from '../prompt.ts';

export type StageName = 'triage' | 'logs' | 'changes' | 'remediation' | 'comms';

/** What the stages so far have found out: each adds its own, and none takes another's away. */
export interface Findings {
  readonly triage?: Triage;
  readonly logs?: Claim;
  readonly changes?: Claim;
  readonly remediation?: ReadAnswer;
  /** One sentence for the operator. */
  readonly told?: string;
}

export interface Triage {
  readonly class: string;
  /** Other classes that it may be: at most two. */
  readonly others: readonly string[];
  /** Slots of those to blame. */
  readonly culprits: readonly string[];
  readonly cites: readonly string[];
  /** The model's own probability of its class, 0..1. */
  readonly probability: number;
}

/** What a stage works on. */
export interface Work {
  readonly evidence: Evidence;
  /** The incident as the model reads it, and what it may name. */
  readonly prompt: Prompt;
  /** Classes that candidates of this incident treat: what may be remedied where triage failed. */
  readonly likely: readonly string[];
  readonly findings: Findings;
}

/** What a stage's answer said. */
export interface Read {
  readonly found: Findings;
  /** For the stages that follow: one line, in slots as the model wrote it. */
  readonly line: string;
  /** Questions that it chose, as `probe` or `probe SLOT`. */
  readonly asks: readonly string[];
}

/** The language of one answer, and how it is read. `read` throws a PlanError or a ReasonError for anything else. */
export interface Language {
  readonly grammar: PlanGrammar;
  /** What the keys mean, and what may be chosen: part of the prompt. */
  readonly says: readonly string[];
  read(decoded: Decoded): Read;
}

/** One stage of thinking about an incident (docs/design.md section 7): its prompt, its schema and its tools. */
export interface Stage {
  readonly name: StageName;
  /** What it is told to do. */
  readonly task: string;
  /** The questions that it may put to the host. */
  readonly probes: readonly ProbeId[];
  /** Whether there is anything in this incident for it to look at. */
  applies(work: Work): boolean;
  /** `questions` are those that it may choose from now. */
  language(work: Work, questions: readonly string[]): Language;
}

/** Questions that one answer may choose. */
export const ASKS_AT_ONCE = 2;

/** The templates that serve some of these classes. */
export const servingAny = (commands: readonly Template[], classes: readonly string[]): readonly Template[] =>
  commands.filter((one) => one.classes.some((name) => classes.includes(name)));
