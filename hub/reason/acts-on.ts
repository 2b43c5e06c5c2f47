import type { Evidence } from '../evidence/evidence.ts';
import { figuresOf } from '../evidence/find.ts';
import type { FilledPlaybook } from '../playbook/fill.ts';

/**
 * Phrases of playbooks that are no more than a program's name. That some line holds one says that the program is there,
 * and nothing of what is wrong with it.
 */
const PROGRAM =
  /^(?:fluent-bit|fluentd|filebeat|promtail|vector\.service|rsyslog|rsync|backup|pg_dump|mysqldump|updatedb|borg|restic|tar -)$/;

/**
 * Whether a playbook that was found by a program's name acts on that program: on its unit, or on a process that runs it.
 * A backup that stands in a log does not make whatever is busy a backup.
 */
export function actsOnWhatIsNamed(
  mention: string | undefined,
  { entities }: Pick<FilledPlaybook, 'entities'>,
  evidence: Evidence,
): boolean {
  if (mention === undefined || !PROGRAM.test(mention)) return true;
  const name = mention.replace(/\.service$| -$/, '');
  const targets = entities.filter(({ kind }) => kind === 'unit' || kind === 'process');
  return (
    targets.length === 0 ||
    targets.some((one) => {
      if (one.kind === 'unit') return one.value.includes(name);
      const command = figuresOf(evidence, one)?.cmd.text ?? '';
      return `${one.process?.comm ?? ''} ${command}`.toLowerCase().includes(name);
    })
  );
}
