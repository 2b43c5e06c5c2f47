import { probabilityOf } from '../llama-answer.ts';
import { type Explained, fieldLanguage } from './fields.ts';
import type { Stage, Work } from './stage.ts';

/** What sort of trouble it is, who is to blame, and what shows it: everything after it looks where this points. */
export const triage: Stage = {
  name: 'triage',
  task: 'Say what class of trouble this is. If the evidence does not show it, say unknown.',
  probes: [
    'unit_status',
    'process_detail',
    'open_files',
    'process_tree',
    'largest_folders',
    'deleted_files',
    'top_processes',
    'memory',
    'mounts',
    'disk_io',
    'listening_ports',
    'socket_summary',
    'dns_lookup',
  ],
  applies: () => true,
  language: (work, questions) =>
    fieldLanguage(fieldsOf(work), questions, (values, decoded) => {
      const name = values.text('class');
      const others = values.list('others').filter((other) => other !== name);
      const [culprits, cites] = [values.list('culprits'), values.list('cites')];
      return {
        found: { triage: { class: name, others, culprits, cites, probability: probabilityOf(decoded, name) } },
        line: [name, ...others.map((other) => `perhaps ${other}`), ...culprits, ...cites].join(' '),
      };
    }),
};

function fieldsOf({ prompt }: Work): readonly Explained[] {
  const { classes, slots, evidence } = prompt.plan;
  return [
    { key: 'class', kind: 'one', of: classes, means: 'the class of trouble', listed: true },
    { key: 'others', kind: 'some', of: classes, most: 2, means: 'other classes that it may be' },
    { key: 'culprits', kind: 'some', of: slots.map(({ slot }) => slot), most: 2, means: 'slots of those to blame' },
    { key: 'cites', kind: 'some', of: evidence, most: 6, means: 'ids of the evidence that shows it' },
  ];
}
