import type { Program } from './program.ts';

/** What may happen to a command: run, run after a named person consented to it, or never run. */
export type Decision = 'allow' | 'review' | 'block';

/** What a command does to its target; a lattice, least first (docs/design.md section 5). */
export const EFFECTS = ['read', 'restart', 'change', 'destroy', 'breach'] as const;
export type Effect = (typeof EFFECTS)[number];

/** Beside the effect: does it reach another machine, does it show a secret. */
export type Attribute = 'egress' | 'secret';

/** The policy engine's whole answer about one command text or one Program. */
export interface Verdict {
  readonly decision: Decision;
  /** Id of the rule that decided, as `family.binary.rule`, or `subset.*`, `reader.*`, `self.*`, `unknown.*`. */
  readonly rule: string;
  readonly effect: Effect;
  readonly attributes: readonly Attribute[];
  /** One sentence for an operator. */
  readonly reason: string;
  /** Byte range of the source that decided; absent when a Program without text was judged. */
  readonly span?: readonly [start: number, end: number];
  /** A command that does what was probably meant, and is itself allowed. */
  readonly alternative?: string;
  /** What would run; null when the text does not compile. */
  readonly program: Program | null;
  /** Hash of the policy that judged. */
  readonly policy: string;
}

/** A process as seen by a sensing agent: a bare pid says nothing, since pids are reused (invariant 3). */
export interface ProcessRef {
  readonly pid: number;
  /** Start time in clock ticks since boot: field 22 of /proc/PID/stat. */
  readonly start: number;
  readonly comm: string;
  /** Present where the sensing agent may read /proc/PID/exe. */
  readonly exe?: string;
}

/** The names that exist on one host: what an operand may name (invariant 8). */
export interface Inventory {
  readonly units: readonly string[];
  readonly mounts: readonly string[];
  readonly containers: readonly string[];
  readonly hosts: readonly string[];
  /** Folders that the site declared to be watched, with their absolute paths. */
  readonly folders: readonly string[];
  readonly processes: readonly ProcessRef[];
}

const RANK: Readonly<Record<Decision, number>> = { allow: 0, review: 1, block: 2 };

/** The stricter of two decisions: a plan is as bad as its worst command (invariant 1). */
export function stricter(a: Decision, b: Decision): Decision {
  return RANK[a] >= RANK[b] ? a : b;
}
