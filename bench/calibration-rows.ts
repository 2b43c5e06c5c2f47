import { RulesReasoner } from '../hub/reason/rules.ts';
import { builtIn, evidenceFor } from '../test/hub/evidence-fixtures.ts';
import { eventOf, type RecordedIncident, readRows } from '../test/hub/recorded-incident.ts';

/** What `rules` made of one fault: the score of the fix that it would run, and whether that is a right one. */
export interface Scored {
  readonly score: number;
  readonly right: boolean;
}

/**
 * The faults of one file of fixtures/calibration for which `rules` proposes a fix, scored; those that it gives to a
 * person run nothing, and are not asked for a confidence.
 */
export async function scoredFaults(file: 'dev' | 'fit' | 'check'): Promise<readonly Scored[]> {
  const reasoner = new RulesReasoner({ playbooks: builtIn.playbooks, tried: () => [], calibrate: (score) => score });
  const scored: Scored[] = [];
  for (const row of readRows<RecordedIncident & { readonly right: readonly string[] }>(`calibration/${file}.jsonl`)) {
    const answer = await reasoner.diagnose(evidenceFor(eventOf(row)), new AbortController().signal);
    // What a shown cause mends has no playbook, never runs alone, and has its own figures (`sentinel eval`).
    if (answer.needs_human || answer.playbook === null) continue;
    scored.push({ score: answer.confidence, right: row.right.includes(answer.playbook ?? '') });
  }
  return scored;
}
