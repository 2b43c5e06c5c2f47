import type { Evidence } from '../evidence/evidence.ts';
import type { Diagnosis, Reasoner } from './reasoner.ts';
import { validateDiagnosis } from './validate.ts';

/** What came of asking one reasoner: its validated answer or none, and what was dropped, lowered or went wrong. */
export interface Asked {
  readonly diagnosis: Diagnosis | null;
  readonly notes: readonly string[];
}

/** Asks one reasoner under a deadline and validates what it says. Never throws: what fails is a note. */
export async function askReasoner(reasoner: Reasoner, evidence: Evidence, deadline: AbortSignal): Promise<Asked> {
  try {
    const answer = await reasoner.diagnose(evidence, deadline);
    const checked = validateDiagnosis(answer, evidence);
    if ('error' in checked) return { diagnosis: null, notes: [`${reasoner.name}: ${checked.error}`] };
    return { diagnosis: checked.diagnosis, notes: checked.notes };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? `${String(error.code)} ` : '';
    const why = error instanceof Error ? error.message : String(error);
    return { diagnosis: null, notes: [`${reasoner.name} gave no answer: ${code}${why}`] };
  }
}
