import { withNames } from '../llama-answer.ts';
import { fieldLanguage } from './fields.ts';
import type { Stage, Work } from './stage.ts';

/** What the logs say of the trouble: the lines that a person would read first. */
export const logs: Stage = {
  name: 'logs',
  task: 'Read the log lines, and those that were asked for. Say in one sentence what they show of the cause.',
  probes: ['unit_log', 'kernel_log', 'log_patterns'],
  applies: () => true,
  language: (work, questions) =>
    fieldLanguage(
      [
        { key: 'finding', kind: 'text', most: 160, means: 'one sentence, names as slots' },
        { key: 'cites', kind: 'some', of: logIds(work), most: 6, means: 'the lines that show it' },
      ],
      questions,
      (values) => {
        const [claim, evidence] = [values.text('finding'), values.list('cites')];
        return {
          found: { logs: { claim: withNames(claim, work.evidence), evidence } },
          line: [claim, ...evidence].join(' '),
        };
      },
    ),
};

const logIds = ({ evidence, prompt }: Work): readonly string[] =>
  evidence.items.filter(({ id, kind }) => kind === 'log' && prompt.plan.evidence.includes(id)).map(({ id }) => id);
