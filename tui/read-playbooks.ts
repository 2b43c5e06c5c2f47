import type { StateFolder } from '../broker/state-folder.ts';
import { fillCommand, SAMPLES } from '../hub/playbook/placeholders.ts';
import { type Playbook, sitePlaybooks } from '../hub/playbook/playbook.ts';
import { recordOf } from '../hub/steps/learn.ts';
import type { Store } from '../hub/store/store.ts';
import type { Policy } from '../policy/policy.ts';
import type { PlaybookRow, Playbooks } from './desk.ts';

/** The playbooks of this installation and this site, each command with its verdict, each with its record here. */
export function readPlaybooks(folder: StateFolder, store: Store, policy: Policy): Playbooks {
  const vet = (command: string) => policy.check(command, null).decision;
  const { playbooks, errors } = sitePlaybooks(folder.playbooks, policy);
  return {
    state: 'ready',
    rows: playbooks.map((one) => rowOf(one, folder, store, vet)),
    errors: errors.map(({ message }) => message),
  };
}

function rowOf(
  playbook: Playbook,
  folder: StateFolder,
  store: Store,
  vet: (command: string) => PlaybookRow['commands'][number]['decision'],
): PlaybookRow {
  const { id, title, match, pre_checks, steps, verify, needs_human, idempotent, source } = playbook;
  const records = match.signals.map((signal) => recordOf(store, id, { signal }));
  const judged = (phase: PlaybookRow['commands'][number]['phase'], command: string, why = '') => ({
    phase,
    command,
    why,
    decision: vet(fillCommand(command, SAMPLES) ?? command),
  });
  return {
    id,
    title,
    class: playbook.class,
    signals: match.signals,
    description: match.description,
    looks: needs_human,
    idempotent,
    own: source.startsWith(folder.playbooks),
    ran: records.reduce((sum, { ran }) => sum + ran, 0),
    helped: records.reduce((sum, { helped }) => sum + helped, 0),
    verifyWithin: verify.within_ms,
    commands: [
      ...pre_checks.map((command) => judged('before', command)),
      ...steps.map(({ run, why }) => judged('step', run, why)),
      ...verify.post_checks.map((command) => judged('after', command)),
      ...steps.flatMap(({ rollback }) => (rollback === null ? [] : [judged('undo', rollback)])),
    ],
  };
}
