import type { Evidence } from '../evidence/evidence.ts';
import { type Diagnosis, ReasonError, type Reasoner, type Watcher } from './reasoner.ts';
import { validateDiagnosis } from './validate.ts';

/** What came of asking one reasoner: its validated answer or none, and what was dropped, lowered or went wrong. */
export interface Asked {
  readonly diagnosis: Diagnosis | null;
  readonly notes: readonly string[];
}

/** Asks one reasoner under a deadline and validates what it says. Never throws: what fails is a note. */
export async function askReasoner(
  reasoner: Reasoner,
  evidence: Evidence,
  deadline: AbortSignal,
  watcher?: Watcher,
): Promise<Asked> {
  try {
    const answer = await inTime(reasoner.diagnose(evidence, deadline, watcher), deadline);
    const checked = validateDiagnosis(answer, evidence);
    if ('error' in checked) return { diagnosis: null, notes: [`${reasoner.name}: ${checked.error}`] };
    return { diagnosis: checked.diagnosis, notes: checked.notes };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? `${String(error.code)} ` : '';
    const why = error instanceof Error ? error.message : String(error);
    return { diagnosis: null, notes: [`${reasoner.name} gave no answer: ${code}${why}`] };
  }
}

/** A reasoner that hangs does not hold the incident: it is not waited for past the deadline, whatever it does with it. */
function inTime<T>(work: Promise<T>, deadline: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new ReasonError('E_MODEL_TIMEOUT', 'it had not answered when the time was over'));
    // One turn more for a reasoner that says itself why it stops.
    const stop = () => setImmediate(late);
    if (deadline.aborted) stop();
    else deadline.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => deadline.removeEventListener('abort', stop));
  });
}
