import type { Evidence } from '../evidence/evidence.ts';
import type { Draft } from '../incident.ts';
import type { Playbook } from '../playbook/playbook.ts';
import type { Diagnosis } from '../reason/reasoner.ts';
import { fillPlaybook } from '../reason/rules.ts';

/** For a plan that no playbook describes: how long its metric may take to come back. */
const VERIFY_WITHIN_MS = 60_000;

/** What a draft is made from beside the diagnosis. */
export interface DraftParts {
  readonly evidence: Evidence;
  readonly playbooks: ReadonlyMap<string, Playbook>;
  /** The evidence addresses its reader. */
  readonly injection: boolean;
}

/** The commands of a diagnosis with their checks and rollbacks, still as text: those of its playbook where it has one. */
export function draftOf(diagnosis: Diagnosis, { evidence, playbooks, injection }: DraftParts): Draft {
  const playbook = diagnosis.playbook === null ? undefined : playbooks.get(diagnosis.playbook);
  const filled = playbook === undefined ? null : fillPlaybook(playbook, evidence);
  const proposed = stepsOf(diagnosis);
  if (playbook !== undefined && filled !== null) {
    return {
      diagnosis,
      ...filled,
      // What a person is to look at may be more than the playbook's own; what is to mend is the playbook's alone.
      ...(diagnosis.needs_human ? proposed : {}),
      verify_within: playbook.verify.within_ms,
      max_wait: playbook.max_wait_ms,
      idempotent: playbook.idempotent,
      injection,
    };
  }
  return {
    diagnosis,
    pre: [],
    ...proposed,
    post: [],
    verify_within: VERIFY_WITHIN_MS,
    idempotent: false,
    injection,
  };
}

/** The commands of a diagnosis and what undoes them: a rollback has the number of its own step. */
function stepsOf({ commands }: Diagnosis): Pick<Draft, 'steps' | 'rollback'> {
  return {
    steps: commands.map(({ command, explanation }, i) => ({ number: i + 1, command, explanation })),
    rollback: commands.flatMap(({ command, rollback }, i) =>
      rollback === null ? [] : [{ number: i + 1, command: rollback, explanation: `Undoes "${command}".` }],
    ),
  };
}
