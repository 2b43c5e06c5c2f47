import { decisionFor } from './effects.ts';
import { type CommandSchema, type FlagRule, globPattern, type OperandRule, type RuleSet } from './schema.ts';
import { isOwnUnit } from './self.ts';
import type { Inventory } from './verdict.ts';

/** What the sudoers entries are made for. */
export interface SudoersOptions {
  /** The account that an agent runs as. */
  readonly user: string;
  /** Only units named here are ever restarted; without one no unit is. */
  readonly inventory: Inventory | null;
  /** Absolute path of a binary on the host that the entries are for; null when it has none. */
  readonly locate: (name: string) => string | null;
}

/** Words after the sub-command: more than this no plan has, and a bound keeps the expression quick to match. */
const WORDS = 16;

/**
 * Least-privilege sudoers entries (sudo 1.9.10 or newer) for what the rules mark as `root` and allow. Every entry has
 * an absolute path and an anchored regular expression over all arguments; there are no globs, since a glob's `*` would
 * match blanks and slashes. What cannot be said exactly is left out, with a comment that says so. The agent gives each
 * command its time (`sudo -T`), since it can't end what is root's.
 */
export function sudoersEntries(rules: RuleSet, options: SudoersOptions): string[] {
  const lines = [
    '# Made by `sentinel policy sudoers`. Needs sudo 1.9.10 or newer. Install with visudo, mode 0440.',
    `Defaults:${options.user} !setenv, env_reset, user_command_timeouts`,
  ];
  for (const [name, schema] of [...rules.commands].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const found = leaves(schema, []);
    if (found.length === 0) continue;
    const path = options.locate(name);
    if (path === null) {
      lines.push(`# ${name}: not on this host`);
      continue;
    }
    for (const leaf of found) {
      const label = [name, ...leaf.words].join(' ');
      const expressions = argumentsOf(rules, leaf, options.inventory);
      if (expressions.length === 0) lines.push(`# ${label}: its arguments cannot be named exactly, so it is left out`);
      for (const one of expressions) lines.push(`${options.user} ALL=(root) ${tags(leaf.schema)}: ${path} ${one}`);
    }
  }
  return lines;
}

/** What only reads needs no second program: so a pager that it starts on a terminal is no way to a root shell. */
const tags = ({ effect }: CommandSchema): string => (effect === 'read' ? 'NOPASSWD:NOEXEC' : 'NOPASSWD');

interface Leaf {
  readonly words: readonly string[];
  readonly schema: CommandSchema;
}

/** The parts of a command that need root and run without a person. */
function leaves(schema: CommandSchema, words: readonly string[]): Leaf[] {
  const own = schema.root && schema.bare && schema.needs.length === 0 && !schema.runs && !schema.fold;
  const allowed = (schema.decision ?? decisionFor(schema.effect, schema.attributes)) === 'allow';
  const below = [...(schema.sub ?? [])].flatMap(([name, sub]) => leaves(sub, [...words, name]));
  return own && allowed && schema.sub === null ? [{ words, schema }, ...below] : below;
}

/** Expressions for all arguments, each anchored; none when some of them cannot be said in one. */
function argumentsOf(rules: RuleSet, { words, schema }: Leaf, inventory: Inventory | null): string[] {
  const flags = [...schema.flags].filter(
    ([, rule]) => isQuiet(rule) && (schema.effect === 'read' || rule.takes === null),
  );
  const given = flags.flatMap(([name, rule]) => flagExpression(rules, name, rule, schema, inventory));
  const operands: string[] = [];
  for (const operand of schema.operands) {
    const expression = operandExpression(rules, operand, schema, inventory);
    if (expression === null) {
      if (operand.min === 1) return [];
    } else operands.push(expression);
  }
  const any = [...given, ...operands];
  const least = schema.operands.some(({ min }) => min === 1) ? 1 : 0;
  const rest = `( (${any.join('|')}))`;
  if (words.length > 0) {
    const verb = words.map(literal).join(' ');
    return [any.length === 0 ? `^${verb}$` : `^${verb}${rest}{${least},${WORDS}}$`];
  }
  const required = flags.filter(([name]) => schema.requires.includes(name));
  const first = required.flatMap(([name, rule]) => flagExpression(rules, name, rule, schema, inventory));
  const begin = schema.requires.length > 0 ? first : any;
  // An expression never matches a command without arguments: that takes an entry of its own.
  const bare = least === 0 && schema.requires.length === 0 ? ['""'] : [];
  return [...bare, ...(begin.length === 0 ? [] : [`^(${begin.join('|')})${rest}{0,${WORDS}}$`])];
}

function isQuiet(rule: FlagRule): boolean {
  const decision = rule.decision ?? decisionFor(rule.effect, rule.attributes);
  return decision === 'allow' && rule.paths === null && rule.with.length === 0 && !rule.runs;
}

function flagExpression(
  rules: RuleSet,
  name: string,
  rule: FlagRule,
  schema: CommandSchema,
  inventory: Inventory | null,
): string[] {
  if (rule.takes === null || rule.attached) return [literal(name)];
  const value = operandExpression(rules, rule.takes, schema, inventory);
  if (value === null) return [];
  return name.startsWith('--') ? [`${literal(name)}[ =](${value})`] : [`${literal(name)} (${value})`];
}

/** An extended regular expression for one operand, that matches no blank; null when there is none. */
function operandExpression(
  rules: RuleSet,
  { kind, values, pattern }: OperandRule,
  { effect }: CommandSchema,
  inventory: Inventory | null,
): string | null {
  switch (kind) {
    case 'unit': {
      const units = (inventory?.units ?? []).filter((unit) => effect === 'read' || isFree(rules, unit));
      return units.length === 0 ? null : `(${units.map(unitExpression).join('|')})`;
    }
    case 'enum':
      return [...new Set(values)].map(literal).join('|');
    case 'match':
      return pattern === null ? null : extended(pattern);
    case 'integer':
    case 'port':
      return '[0-9]{1,9}';
    case 'pid':
      return '[1-9][0-9]{0,6}';
    case 'device':
      return '/dev/[A-Za-z0-9_]+(/[A-Za-z0-9_-]+)?';
    case 'interface':
      return '[a-z][A-Za-z0-9_.@-]{0,31}';
    case 'word':
      return '[A-Za-z0-9_][A-Za-z0-9_.,-]{0,63}';
    default:
      return null;
  }
}

/** A unit that may restart without a person: a service or timer that nobody protects. */
function isFree(rules: RuleSet, unit: string): boolean {
  if (!/^[A-Za-z0-9_][A-Za-z0-9:_.@-]{0,127}\.(?:service|timer)$/.test(unit) || isOwnUnit(unit)) return false;
  const plain = unit.replace(/\.[a-z]+$/, '');
  if (rules.protectedUnits.some((pattern) => pattern.test(unit) || pattern.test(plain))) return false;
  return !rules.tighten.some(({ match, operand }) => {
    const about = match[0] === 'systemctl' && (match[2] === undefined || globPattern(match[2]).test(plain));
    return about && (operand === null || operand.test(unit) || operand.test(plain));
  });
}

const unitExpression = (unit: string): string =>
  unit.endsWith('.service') ? `${literal(unit.slice(0, -8))}(${literal('.service')})?` : literal(unit);

/** What means itself in an expression; a class instead of a backslash, which sudoers reads for itself. */
function literal(text: string): string {
  return text.replace(/[.+*?^$()[\]{}|#]/g, (c) => (c === '^' ? '\\^' : `[${c}]`));
}

/** A rule file's expression in the POSIX dialect, where that says the same; null where it does not. */
function extended(pattern: RegExp): string | null {
  const source = pattern.source
    .replace(/^\^\(\?:([\s\S]*)\)\$$/, '$1')
    .replaceAll('(?:', '(')
    .replaceAll('\\d', '[0-9]')
    .replaceAll('\\.', '[.]')
    .replaceAll('\\/', '/');
  return /\\|\(\?|[*+?}]\?|\[[^\]]*\[|[\s#"]/.test(source) ? null : source;
}
