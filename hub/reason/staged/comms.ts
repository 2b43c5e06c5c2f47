import { withNames } from '../llama-answer.ts';
import { fieldLanguage } from './fields.ts';
import type { Stage } from './stage.ts';

/** What a person is told: the one sentence that is read first, on a screen or in a message. */
export const comms: Stage = {
  name: 'comms',
  task: 'Tell the operator in one or two sentences what is wrong, why, and what is proposed. Use figures of the evidence.',
  probes: [],
  applies: ({ findings }) => findings.remediation !== undefined || findings.triage !== undefined,
  language: ({ evidence }) =>
    fieldLanguage([{ key: 'told', kind: 'text', most: 240, means: 'plain words, names as slots' }], [], (values) => ({
      found: { told: withNames(values.text('told'), evidence) },
      line: values.text('told'),
    })),
};
