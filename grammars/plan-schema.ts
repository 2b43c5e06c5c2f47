import { NO_PLAYBOOK, PLAN_LIMITS, PlanError, type PlanInput, usableTemplates } from './plan.ts';

/** Of the plain characters those that every dialect of JSON Schema's patterns takes in a set: without quote, backslash and brackets. */
const PLAIN = '[ !#-Z^-~]';

const text = (most: number) => ({ type: 'string', pattern: `^${PLAIN}{1,${most}}$` });
const some = (items: object, most: number) => ({ type: 'array', items, maxItems: most });
const object = (properties: Readonly<Record<string, object>>) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

/**
 * What `planGrammar` says, as far as JSON Schema can say it, for servers that take no grammar: a class does not bring its own
 * commands here, and a slot may be of another kind. `parsePlan` is what decides.
 */
export function planSchema(input: PlanInput): object {
  const commands = usableTemplates(input).map(({ id, slots }) => {
    const names = input.slots.filter(({ kind }) => slots.includes(kind)).map(({ slot }) => slot);
    const blanks = slots.length === 0 ? { type: 'string' } : { type: 'string', enum: names };
    return object({
      do: { type: 'string', const: id },
      with: { type: 'array', items: blanks, minItems: slots.length, maxItems: slots.length },
    });
  });
  const command = commands.length === 0 ? { type: 'string', enum: [''] } : { anyOf: commands };
  const cite = input.evidence.length === 0 ? { type: 'string' } : { type: 'string', enum: input.evidence };
  return object({
    class: { type: 'string', enum: input.classes },
    root_cause: text(PLAN_LIMITS.rootCause),
    cites: some(cite, input.evidence.length === 0 ? 0 : PLAN_LIMITS.cites),
    playbook: { type: 'string', enum: [...input.playbooks, NO_PLAYBOOK] },
    commands: some(command, commands.length === 0 ? 0 : PLAN_LIMITS.commands),
    alternatives: some(text(PLAN_LIMITS.alternative), PLAN_LIMITS.alternatives),
    needs_human: { type: 'boolean' },
  });
}

/**
 * An answer of a server that keeps to no one form, in the one form that `parsePlan` reads: blanks and the order of keys mean
 * nothing, and nothing else is changed. Throws a PlanError E_PLAN_OUTPUT for what is no JSON object.
 */
export function inOneForm(said: string): string {
  let value: unknown;
  try {
    value = JSON.parse(said);
  } catch {
    throw new PlanError('E_PLAN_OUTPUT', 'not JSON');
  }
  return JSON.stringify(inOrder(value));
}

const KEYS = ['class', 'root_cause', 'cites', 'playbook', 'commands', 'alternatives', 'needs_human'];

/** The keys that a plan and its commands have, in their order; what has others stays as it is, and is refused. */
function inOrder(value: unknown): unknown {
  const plan = sorted(value, KEYS);
  const { commands } = plan;
  if (!Array.isArray(commands)) return plan;
  return { ...plan, commands: commands.map((one) => sorted(one, ['do', 'with'])) };
}

function sorted(value: unknown, keys: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new PlanError('E_PLAN_OUTPUT', 'no object');
  const entries = new Map(Object.entries(value));
  const known = keys.filter((key) => entries.has(key));
  const others = [...entries.keys()].filter((key) => !keys.includes(key));
  return Object.fromEntries([...known, ...others].map((key) => [key, entries.get(key)]));
}
