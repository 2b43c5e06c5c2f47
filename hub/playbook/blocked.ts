import type { Decision } from '../../policy/verdict.ts';
import { PlaybookError } from './error.ts';
import { fillCommand, SAMPLES } from './placeholders.ts';
import type { ReadPlaybook } from './schema.ts';

/** The first command of a playbook that the policy blocks, its placeholders filled with samples; null where none is. */
export function blockedIn(
  { commands }: ReadPlaybook,
  file: string,
  vet: (command: string) => Decision,
): PlaybookError | null {
  for (const { command, line } of commands) {
    const filled = fillCommand(command, SAMPLES);
    if (filled === null || vet(filled) === 'block') {
      const fix = 'use a command that the policy allows or reviews (see `sentinel policy explain`)';
      return new PlaybookError(file, line, `the policy blocks "${filled ?? command}"`, fix);
    }
  }
  return null;
}
