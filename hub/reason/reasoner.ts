import type { Said } from '../../broker/messages.ts';
import type { Evidence } from '../evidence/evidence.ts';
import type { Claim } from '../incident.ts';
import type { Pace } from './llama-decode.ts';

/** One command that a reasoner would run, as text: policy has not seen it yet. */
export interface ProposedCommand {
  readonly command: string;
  readonly explanation: string;
  /** What undoes it; null when nothing can or needs to. */
  readonly rollback: string | null;
}

/** What is needed to reproduce a model's answer byte for byte (invariant 14). */
export interface Trace {
  readonly model_sha256: string;
  readonly model_file: string;
  readonly llama_build: string;
  readonly backend: string;
  readonly threads: number;
  readonly seed: number;
  readonly prompt: string;
  readonly grammar: string;
  readonly output: string;
  readonly stop: string;
  /** The model's own probability of the class that it chose, 0..1: not calibrated. */
  readonly class_probability?: number;
  /** Characters of the prompt that are the same for every incident: they are evaluated by themselves. */
  readonly fixed?: number;
  /** Tokens after which the answer would have been cut. */
  readonly max_tokens?: number;
  /** Of a model that thinks in stages: its calls in their order. Each was asked `prompt` and then its own part. */
  readonly calls?: readonly StageCall[];
  /** What hosts answered meanwhile: without it nothing that followed could be said again. */
  readonly probes?: readonly StageProbe[];
}

/** One call of a model that thinks in stages. */
export interface StageCall extends Pick<Trace, 'prompt' | 'grammar' | 'output' | 'stop'> {
  readonly stage: string;
  readonly max_tokens: number;
  /** Why nothing was taken from it; absent where something was. */
  readonly failed?: string;
}

/** A question that a stage chose, and what came of it. */
export interface StageProbe {
  readonly probe: string;
  /** The slot that it was about; empty for the host itself. */
  readonly about: string;
  /** `done`, or why there is no answer. */
  readonly state: string;
  readonly lines: readonly Said[];
}

/** What stands for llama.cpp's release where another program of the site answered: its weights are not known. */
export const ENDPOINT_BUILD = 'endpoint';

/** What a model is traced as: all but what it was asked and what it said. */
export type Setting = Pick<Trace, 'model_sha256' | 'model_file' | 'llama_build' | 'backend' | 'threads' | 'seed'>;

/** A reasoner's whole answer. It proposes; nothing in it is believed before the validator and the policy saw it. */
export interface Diagnosis {
  /** `rules`, or the model's name. */
  readonly by: string;
  readonly class: string;
  readonly root_cause: string;
  readonly chain: readonly Claim[];
  /** 0..1; below 0.80 unless calibrated. */
  readonly confidence: number;
  /** At most three. */
  readonly alternatives: readonly string[];
  readonly needs_human: boolean;
  readonly playbook: string | null;
  readonly commands: readonly ProposedCommand[];
  readonly ms: number;
  readonly trace: Trace | null;
}

/** Who looks on while a reasoner thinks: what it says here is shown to people, and is no part of the answer. */
export interface Watcher {
  /** What it does from now on, in a word. */
  stage(name: string): void;
  /** What it has written since the last call. */
  wrote(piece: string): void;
}

/** One way of thinking about an incident (docs/design.md section 7). */
export interface Reasoner {
  readonly name: string;
  /**
   * Answers within the signal's deadline, with `watcher` told how far it is. Throws a ReasonError with a code when it can't: the hub then goes on with
   * what its other reasoners say, and records why.
   */
  diagnose(evidence: Evidence, signal: AbortSignal, watcher?: Watcher): Promise<Diagnosis>;
  close(): Promise<void>;
}

/** A reasoner that can say the same again: what a replay needs of a model. */
export interface RepeatingReasoner extends Reasoner {
  /** What it would be traced as now. */
  readonly setting: Setting;
  /** Decodes the prompt of a trace under its grammar once more; rejects as `diagnose` does. */
  repeat(trace: Trace, signal: AbortSignal): Promise<Repeated>;
}

/** What was said again, and how fast. */
export interface Repeated extends Pick<Trace, 'output' | 'stop'> {
  readonly pace: Pace;
}

/** Why a reasoner gave no answer. */
export class ReasonError extends Error {
  readonly code:
    | 'E_MODEL_LOAD'
    | 'E_MODEL_TIMEOUT'
    | 'E_MODEL_OUTPUT'
    | 'E_MODEL_PROMPT'
    | 'E_MODEL_CRASHED'
    | 'E_ENDPOINT_DOWN'
    | 'E_ENDPOINT_REFUSED';
  constructor(code: ReasonError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
