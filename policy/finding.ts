import { type Attribute, type Decision, type Effect, stricter } from './verdict.ts';

/** One thing that was noticed about one command. A verdict is the worst of them. */
export interface Finding {
  readonly decision: Decision;
  readonly rule: string;
  readonly effect: Effect;
  readonly attributes: readonly Attribute[];
  readonly reason: string;
  /** Index in argv of the word that decided; 0 is the command itself. */
  readonly at: number;
  readonly alternative?: string;
}

/** The finding that decides: the first of the strictest. */
export function worst(findings: readonly Finding[]): Finding | undefined {
  let found = findings[0];
  for (const finding of findings) {
    if (found !== undefined && stricter(found.decision, finding.decision) !== found.decision) found = finding;
  }
  return found;
}
