import { withNames } from '../llama-answer.ts';
import { fieldLanguage } from './fields.ts';
import type { Stage, Work } from './stage.ts';

/** Whether something that was changed lately brought it about: most trouble begins with a change. */
export const changes: Stage = {
  name: 'changes',
  task: 'Look at what was changed before it began. Say in one sentence whether a change explains it, and which.',
  probes: ['recent_changes', 'sessions', 'certificates'],
  applies: () => true,
  language: (work, questions) =>
    fieldLanguage(
      [
        { key: 'finding', kind: 'text', most: 160, means: 'one sentence, names as slots' },
        {
          key: 'cites',
          kind: 'some',
          of: changeIds(work),
          most: 4,
          means: 'the changes that explain it; none if none does',
        },
      ],
      questions,
      (values) => {
        const [claim, evidence] = [values.text('finding'), values.list('cites')];
        return {
          found: { changes: { claim: withNames(claim, work.evidence), evidence } },
          line: [claim, ...evidence].join(' '),
        };
      },
    ),
};

const changeIds = ({ evidence, prompt }: Work): readonly string[] =>
  evidence.items.filter(({ id, kind }) => kind === 'change' && prompt.plan.evidence.includes(id)).map(({ id }) => id);
