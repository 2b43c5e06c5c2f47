import { type PlanInput, planGrammar } from '../../../grammars/plan.ts';
import { readAnswer } from '../llama-answer.ts';
import { type Stage, servingAny, type Work } from './stage.ts';

/** What would mend it: commands of the catalogue for the classes that triage left, or a playbook. */
export const remediation: Stage = {
  name: 'remediation',
  task: 'Say the cause in one sentence, and choose a playbook that fits, else commands with one slot for each blank.',
  // It acts on what was found out: who asks on never gets to an end.
  probes: [],
  applies: () => true,
  language: (work) => {
    const plan = planOf(work);
    return {
      grammar: planGrammar(plan),
      says: [
        'keys: class, root_cause, cites, playbook or "none", commands of {do, with}, alternatives, needs_human',
        `class: of: ${plan.classes.join(', ')}`,
        `playbook: of: ${[...plan.playbooks, 'none'].join(', ')}`,
        'commands:',
        ...plan.commands.map(({ id, template }) => `${id}: ${template}`),
      ],
      read: (decoded) => {
        const read = readAnswer(decoded, plan, work.evidence);
        const { answer } = read;
        const does = [
          answer.playbook ?? '',
          ...answer.commands.map(({ template, slots }) => [template.id, ...slots].join(' ')),
        ];
        const line = `${answer.class}: ${answer.rootCause} ${does.filter((one) => one !== '').join(', ') || 'nothing to do'}`;
        return { found: { remediation: read }, line, asks: [] };
      },
    };
  },
};

/** What is unknown gets only looks; where triage failed, what the candidates treat may be said too. */
function planOf({ prompt, likely, findings }: Work): PlanInput {
  const { triage } = findings;
  const wanted = triage === undefined ? likely : [triage.class, ...triage.others];
  const classes = prompt.plan.classes.filter((name) => wanted.includes(name) || name === 'unknown');
  return { ...prompt.plan, classes, commands: servingAny(prompt.plan.commands, classes) };
}
