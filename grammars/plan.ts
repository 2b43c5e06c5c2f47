import type { SlotKind, Template } from './catalogue.ts';
import { anyOf, gbnfLiteral, TEXT, TEXT_ONLY, upTo, gbnfWord as word } from './gbnf.ts';

/**
 * The language in which a model answers about one incident: JSON without optional blanks, in which commands are
 * templates of the catalogue, and names are the slots of this incident's own entities. What the grammar cannot say,
 * no log line can talk a model into.
 */
export const PLAN_LIMITS = {
  /** Characters: one or two sentences. With the caps below the longest answer stays under 1,024 byte tokens. */
  rootCause: 160,
  alternative: 80,
  alternatives: 3,
  cites: 6,
  culprits: 2,
  commands: 4,
} as const;

/** What one incident allows an answer to name. */
export interface PlanInput {
  /** Incident classes, for instance those of the catalogue. */
  readonly classes: readonly string[];
  readonly commands: readonly Template[];
  /** The entities that may be named, by their slot E1..En. */
  readonly slots: readonly PlanSlot[];
  /** Ids of the evidence items that may be cited. */
  readonly evidence: readonly string[];
  /** Ids of the candidate playbooks. */
  readonly playbooks: readonly string[];
  /**
   * A model that was trained for this language only chooses: it writes no sentence, names the culprits by slot, and its
   * alternatives are classes. Absent: it writes its cause and its alternatives in its own words.
   */
  readonly wordless?: boolean;
}

export interface PlanSlot {
  readonly slot: string;
  readonly kind: SlotKind;
}

/** A grammar in GBNF, and a number of tokens that no answer under it exceeds, whatever the tokenizer. */
export interface PlanGrammar {
  readonly gbnf: string;
  readonly maxTokens: number;
}

/** An answer that obeys the grammar. It is still only a proposal. */
export interface PlanAnswer {
  readonly class: string;
  /** Empty where the model only chooses. */
  readonly rootCause: string;
  /** Slots of those to blame; empty where the model says it in its sentence. */
  readonly culprits: readonly string[];
  readonly cites: readonly string[];
  readonly playbook: string | null;
  readonly commands: readonly PlanCommand[];
  readonly alternatives: readonly string[];
  readonly needsHuman: boolean;
}

export interface PlanCommand {
  readonly template: Template;
  /** One slot for each blank of the template, in its order. */
  readonly slots: readonly string[];
}

/** E_PLAN_INPUT: no grammar can be built from this. E_PLAN_OUTPUT: the text is no answer under its grammar. */
export class PlanError extends Error {
  readonly code: 'E_PLAN_INPUT' | 'E_PLAN_OUTPUT';
  constructor(code: PlanError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

const KEYS = ['class', 'root_cause', 'culprits', 'cites', 'playbook', 'commands', 'alternatives', 'needs_human'];
const keysOf = ({ wordless }: PlanInput) => KEYS.filter((key) => key !== (wordless ? 'root_cause' : 'culprits'));

/** What an answer says where no playbook fits. */
export const NO_PLAYBOOK = 'none';
const SLOT = /^E[1-9][0-9]{0,2}$/;
const EVIDENCE = /^[ec][1-9][0-9]{0,3}$/;
const CLASS = /^[a-z][a-z0-9-]{0,39}$/;

/** Builds the grammar of one incident. Throws a PlanError E_PLAN_INPUT when the input's ids are not of their form. */
export function planGrammar(input: PlanInput): PlanGrammar {
  checkInput(input);
  const rules: string[] = [];
  const rule = (name: string, body: string): string => {
    rules.push(`${name} ::= ${body}`);
    return name;
  };

  if (input.wordless !== true) rule('text', `${TEXT}{1,${PLAN_LIMITS.rootCause}}`);
  rule('short', input.wordless ? anyOf(input.classes.map(word)) : `"\\"" ${TEXT}{1,${PLAN_LIMITS.alternative}} "\\""`);
  const alternatives = upTo('short', PLAN_LIMITS.alternatives);
  const cites =
    input.evidence.length === 0 ? '' : upTo(rule('cite', anyOf(input.evidence.map(word))), PLAN_LIMITS.cites);
  rule('playbook', anyOf([...input.playbooks, NO_PLAYBOOK].map(word)));
  rule('human', anyOf(['true', 'false'].map(gbnfLiteral)));

  for (const kind of new Set(input.slots.map((slot) => slot.kind))) {
    rule(`slot-${kind}`, anyOf(slotsOf(input, kind).map(word)));
  }
  const possible = usableTemplates(input);
  possible.forEach((template, i) => {
    const blanks = template.slots.map((kind) => `slot-${kind}`).join(' "," ');
    rule(`do-${i}`, `${gbnfLiteral(`{"do":${JSON.stringify(template.id)},"with":[`)} ${blanks} "]}"`);
  });

  const who =
    input.slots.length === 0 ? '' : upTo(anyOf(input.slots.map(({ slot }) => word(slot))), PLAN_LIMITS.culprits);
  const sentence = input.wordless ? `"\\"culprits\\":[" ${who} "]," ` : `"\\"root_cause\\":\\"" text "\\"," `;
  rule('cause', `"\\"," ${sentence}"\\"cites\\":[" ${cites} "],\\"playbook\\":" playbook ",\\"commands\\":["`);
  // A class brings its own commands, so that the two cannot disagree: what is unknown gets only looks.
  const lists = new Map<string, string>();
  const bodies = input.classes.map((name) => {
    const fits = possible.flatMap((template, i) => (template.classes.includes(name) ? [`do-${i}`] : []));
    if (fits.length === 0) return `${gbnfLiteral(name)} cause`;
    const list = anyOf(fits);
    const item = lists.get(list) ?? rule(`item-${lists.size}`, list);
    lists.set(list, item);
    return `${gbnfLiteral(name)} cause ${upTo(item, PLAN_LIMITS.commands)}`;
  });
  rule(
    'root',
    `"{\\"class\\":\\"" ${anyOf(bodies)} "],\\"alternatives\\":[" ${alternatives} "],\\"needs_human\\":" human "}"`,
  );
  return { gbnf: `${rules.join('\n')}\n`, maxTokens: longestAnswer(input, possible) + 1 };
}

/**
 * Reads an answer strictly: it must be what the grammar of the same input can say, byte for byte. Throws a PlanError
 * E_PLAN_OUTPUT; nothing is repaired.
 */
export function parsePlan(text: string, input: PlanInput): PlanAnswer {
  let value: unknown;
  let again: string | undefined;
  try {
    value = JSON.parse(text);
    again = JSON.stringify(value);
  } catch {
    throw bad('not JSON');
  }
  // The round trip refuses optional blanks, repeated keys and needless escapes in one comparison.
  if (again !== text) throw bad('JSON, but not in the one form that the grammar has');
  const plan = fields(value, keysOf(input));

  const name = choice(plan['class'], input.classes, 'class');
  const playbook = choice(plan['playbook'], [...input.playbooks, NO_PLAYBOOK], 'playbook');
  const needsHuman = plan['needs_human'];
  if (typeof needsHuman !== 'boolean') throw bad('needs_human: neither true nor false');
  const commands = items(plan['commands'], PLAN_LIMITS.commands, 'commands').map((item): PlanCommand => {
    const command = fields(item, ['do', 'with']);
    const template = usableTemplates(input).find((one) => one.id === command['do'] && one.classes.includes(name));
    if (template === undefined) throw bad(`commands: ${quoted(command['do'])} does not serve ${name}`);
    const blanks = items(command['with'], template.slots.length, 'with');
    if (blanks.length !== template.slots.length)
      throw bad(`commands: ${template.id} has ${template.slots.length} blanks`);
    const slots = template.slots.map((kind, i) => choice(blanks[i], slotsOf(input, kind), `with: a ${kind}`));
    return { template, slots };
  });
  return {
    class: name,
    rootCause: input.wordless ? '' : bounded(plan['root_cause'], PLAN_LIMITS.rootCause, 'root_cause'),
    culprits: input.wordless
      ? items(plan['culprits'], PLAN_LIMITS.culprits, 'culprits').map((slot) => choice(slot, named(input), 'culprits'))
      : [],
    cites: items(plan['cites'], PLAN_LIMITS.cites, 'cites').map((id) => choice(id, input.evidence, 'cites')),
    playbook: playbook === NO_PLAYBOOK ? null : playbook,
    commands,
    alternatives: items(plan['alternatives'], PLAN_LIMITS.alternatives, 'alternatives').map((item) =>
      input.wordless
        ? choice(item, input.classes, 'alternatives')
        : bounded(item, PLAN_LIMITS.alternative, 'alternatives'),
    ),
    needsHuman,
  };
}

function checkInput(input: PlanInput): void {
  const check = (values: readonly string[], form: RegExp, what: string): void => {
    for (const value of values) {
      if (!form.test(value)) throw new PlanError('E_PLAN_INPUT', `${what}: ${quoted(value)} has another form`);
    }
  };
  check(input.classes, CLASS, 'class');
  check(
    input.commands.map((command) => command.id),
    CLASS,
    'command',
  );
  check(
    input.slots.map((slot) => slot.slot),
    SLOT,
    'slot',
  );
  check(input.evidence, EVIDENCE, 'evidence id');
  if (input.classes.length === 0) throw new PlanError('E_PLAN_INPUT', 'class: none is given');
  if (input.playbooks.some((id) => id === NO_PLAYBOOK || id.length > 64)) {
    throw new PlanError('E_PLAN_INPUT', `playbook: "${NO_PLAYBOOK}" or a longer name than 64`);
  }
}

/** The templates whose every blank this incident has a name for. */
export const usableTemplates = (input: PlanInput): readonly Template[] =>
  input.commands.filter((template) => template.slots.every((kind) => slotsOf(input, kind).length > 0));

const named = (input: PlanInput): readonly string[] => input.slots.map(({ slot }) => slot);

const slotsOf = (input: PlanInput, kind: SlotKind): readonly string[] =>
  input.slots.filter((slot) => slot.kind === kind).map((slot) => slot.slot);

/** Bytes of the longest answer: each token writes at least one. */
function longestAnswer(input: PlanInput, possible: readonly Template[]): number {
  const longest = (texts: readonly string[]): string => texts.reduce((a, b) => (size(b) > size(a) ? b : a), '');
  const fill = (text: string, most: number): readonly string[] => new Array<string>(text === '' ? 0 : most).fill(text);
  const answers = input.classes.map((name) => {
    const commands = possible
      .filter((template) => template.classes.includes(name))
      .map((template) => ({ do: template.id, with: template.slots.map((kind) => longest(slotsOf(input, kind))) }));
    const [command] = commands.sort((a, b) => size(b) - size(a));
    return size({
      class: name,
      ...(input.wordless
        ? { culprits: fill(longest(named(input)), PLAN_LIMITS.culprits) }
        : { root_cause: 'x'.repeat(PLAN_LIMITS.rootCause) }),
      cites: fill(longest(input.evidence), PLAN_LIMITS.cites),
      playbook: longest([...input.playbooks, NO_PLAYBOOK]),
      commands: command === undefined ? [] : new Array(PLAN_LIMITS.commands).fill(command),
      alternatives: fill(
        input.wordless ? longest(input.classes) : 'x'.repeat(PLAN_LIMITS.alternative),
        PLAN_LIMITS.alternatives,
      ),
      needs_human: false,
    });
  });
  return Math.max(...answers);
}

const size = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

const bad = (message: string): PlanError => new PlanError('E_PLAN_OUTPUT', message);
const quoted = (value: unknown): string => JSON.stringify(value)?.slice(0, 60) ?? 'nothing';

function fields(value: unknown, keys: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Object.keys(value).join() !== keys.join()) {
    throw bad(`expected exactly ${keys.join(', ')}`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function items(value: unknown, most: number, what: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length > most) throw bad(`${what}: expected a list of at most ${most}`);
  return value;
}

function choice(value: unknown, allowed: readonly string[], what: string): string {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw bad(`${what}: ${quoted(value)} is none of this incident's`);
  return found;
}

function bounded(value: unknown, longest: number, what: string): string {
  if (typeof value !== 'string' || value.length > longest || !TEXT_ONLY.test(value)) {
    throw bad(`${what}: expected 1 to ${longest} plain characters`);
  }
  return value;
}
