import type { Evidence } from '../evidence/evidence.ts';
import { injectionsIn } from '../evidence/injection.ts';
import type { Playbook } from '../playbook/playbook.ts';
import type { Outcomes } from './calibration.ts';
import type { Finding } from './rules-checks.ts';

/** A playbook that treats the signal, how well its words fit, and what became of it before. */
export interface Ranked {
  readonly playbook: Playbook;
  readonly score: number;
  readonly mention?: string;
  readonly record?: Outcomes;
  readonly here?: Outcomes;
}

/** States in which an incident ended well or badly, as the past shows it. */
const ENDED_BADLY = new Set(['failed', 'rolled_back', 'escalated', 'outcome_unknown']);

/**
 * Computed, never felt: how well the playbook's words fit, how sure its target is, what the checks say, and whether
 * the same playbook failed in a like case. What such a score is worth was measured on held-out faults: calibration.ts.
 */
export function scoreOf(evidence: Evidence, match: Ranked, findings: readonly Finding[]): number {
  const past = evidence.similar.filter((one) => one.playbook === match.playbook.id);
  const failed = past.filter((one) => ENDED_BADLY.has(one.state)).length;
  const { limit, value, sigma } = evidence.event;
  const crossed = limit !== undefined && value !== undefined;
  const named = evidence.entities.some((one) => one.labels.includes('culprit') || one.labels.includes('subject'));
  const weight = findings.reduce((sum, one) => sum + one.weight, 0);
  const planted = injectionsIn(evidence.items).length > 0;
  const score =
    0.4 +
    0.12 * (match.mention === undefined ? match.score : 1) +
    (match.mention === undefined ? 0 : 0.1) +
    (crossed ? 0.05 : 0) +
    ((sigma ?? 0) >= 3 ? 0.05 : 0) +
    (named ? 0.1 : 0) +
    0.1 * Math.max(-2, Math.min(1, weight)) -
    Math.min(0.3, 0.15 * failed) -
    (planted ? 0.1 : 0);
  return Math.max(0.05, Math.min(1, Math.round(score * 100) / 100));
}
