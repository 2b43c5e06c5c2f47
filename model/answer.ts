import type { Evidence, EvidenceItem } from '../hub/evidence/evidence.ts';
import type { Playbook } from '../hub/playbook/playbook.ts';
import type { Prompt } from '../hub/reason/prompt.ts';
import type { Cause } from './cause.ts';
import type { World } from './world.ts';

export interface Asked {
  readonly evidence: Evidence;
  readonly world: World;
  readonly prompt: Prompt;
  readonly class: string;
  readonly causes: readonly Cause[];
  readonly telling: readonly string[];
  readonly playbooks: ReadonlyMap<string, Playbook>;
}

/** How many telling items are cited besides the metric. */
const CITED = 3;

/** The answer that a good reader gives, as the grammar has it. */
export function answerFor(asked: Asked): string {
  const { evidence, prompt, causes } = asked;
  const isKnown = asked.class !== 'unknown';
  const culprits = isKnown ? culpritsOf(asked) : [];
  const playbook = isKnown ? playbookFor(asked) : undefined;
  return JSON.stringify({
    class: asked.class,
    culprits,
    cites: citesOf(asked, culprits),
    playbook: playbook?.id ?? 'none',
    commands: playbook === undefined ? looks(evidence, prompt) : [],
    alternatives: isKnown ? [] : causes.map((cause) => cause.class).sort(),
    needs_human: playbook?.needs_human ?? true,
  });
}

/** A fix before a look; among equals the one that the hub ranks first. */
function playbookFor({ evidence, prompt, playbooks, ...asked }: Asked): Playbook | undefined {
  const fit = evidence.playbooks.flatMap(({ id }) => {
    const playbook = playbooks.get(id);
    return playbook?.class === asked.class && prompt.plan.playbooks.includes(id) ? [playbook] : [];
  });
  return fit.find((one) => !one.needs_human) ?? fit[0];
}

function culpritsOf({ evidence, prompt, causes, world }: Asked): readonly string[] {
  const by = (label: string) => evidence.entities.find((one) => one.labels.includes(label));
  const other = () => evidence.entities.find((one) => one.kind === 'process' && one.value === String(world.otherpid));
  const [cause] = causes;
  const found =
    cause?.culprit === 'other'
      ? other()
      : cause?.culprit === 'process'
        ? (by('culprit') ?? evidence.entities.find((one) => one.kind === 'process' && one.value === String(world.pid)))
        : by('subject');
  return found !== undefined && prompt.plan.slots.some(({ slot }) => slot === found.slot) ? [found.slot] : [];
}

/** The metric, what gives the cause away, and the figures of the process to blame. */
function citesOf({ evidence, prompt, telling }: Asked, culprits: readonly string[]): readonly string[] {
  const isTelling = ({ kind, text }: EvidenceItem) =>
    (kind === 'log' || kind === 'change' || kind === 'fact') && telling.some((one) => text.includes(one.slice(0, 100)));
  const shown = evidence.items.filter((item) => prompt.plan.evidence.includes(item.id));
  const told = new Set(shown.filter(isTelling).slice(0, CITED));
  const figures = shown.find(
    (item) => item.kind === 'process' && item.entities.some((slot) => culprits.includes(slot)),
  );
  return shown.filter((item) => item.kind === 'metric' || item === figures || told.has(item)).map((item) => item.id);
}

/** What a person would want to see first where no playbook fits. */
function looks(
  evidence: Evidence,
  { plan }: Prompt,
): readonly { readonly do: string; readonly with: readonly string[] }[] {
  const slotOf = (kind: string, label: string) =>
    evidence.entities.find((one) => one.kind === kind && one.labels.includes(label))?.slot;
  const canName = (slot: string | undefined): slot is string => plan.slots.some((one) => one.slot === slot);
  const unit = slotOf('unit', 'subject');
  if (canName(unit)) {
    return ['unit-status', 'unit-log'].map((id) => ({ do: id, with: [unit] }));
  }
  const process = slotOf('process', 'culprit');
  if (canName(process)) return [{ do: 'process-show', with: [process] }];
  return [{ do: 'host-activity', with: [] }];
}
