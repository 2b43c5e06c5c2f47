import type { RuleNode } from './rule-file.ts';
import { isRuleMap, isRuleScalar, type RuleTree } from './rule-tree.ts';
import {
  type CommandSchema,
  type FlagRule,
  globPattern,
  KINDS,
  type Meaning,
  type OperandRule,
  PATH_MODES,
  type Tighten,
} from './schema.ts';
import { EFFECTS } from './verdict.ts';

const DECISIONS = ['allow', 'review', 'block'] as const;
const MEANING = ['effect', 'decision', 'attribute', 'reason', 'alternative'] as const;
const COMMAND = [
  ...MEANING,
  'flags',
  'operands',
  'sub',
  'style',
  'numeric',
  'bare',
  'asks',
  'any_account',
  'requires',
  'needs',
  'repeat',
  'bundled',
  'fold',
  'harmless',
  'runs',
  'root',
] as const;

/** What a command takes over from the one whose sub-command it is. */
type Inherited = Pick<CommandSchema, 'flags' | 'needs' | 'root'>;

const NOTHING: Inherited = { flags: new Map(), needs: [], root: false };

/** Reads `commands:` of a family file: binary -> schema. */
export function readCommands(root: RuleNode, family: string): Map<string, CommandSchema> {
  const commands = new Map<string, CommandSchema>();
  const node = root.map('commands');
  if (node === null) return commands;
  for (const [key, , value] of node.entries()) {
    for (const name of key.split(' ')) {
      commands.set(name, readCommand(node.child(value, key), `${family}.${name}`, NOTHING));
    }
  }
  return commands;
}

function readCommand(node: RuleNode, id: string, inherited: Inherited): CommandSchema {
  node.only(...COMMAND);
  const style = node.choice('style', ['gnu', 'single', 'posix', 'words']) ?? 'gnu';
  const fold = node.flag('fold');
  const own = readFlags(node);
  const flags = new Map([...inherited.flags, ...own]);
  const needs = [...inherited.needs, ...node.list('needs').map(({ value }) => value.split(' '))];
  const root = inherited.root || node.flag('root');
  const repeat = node.text('repeat');
  const below = { flags: style === 'posix' ? NOTHING.flags : flags, needs, root };
  const subs = node.map('sub');
  const sub = subs === null ? null : new Map<string, CommandSchema>();
  for (const [key, , value] of subs === null ? [] : subs.entries()) {
    for (const name of key.split(' ')) {
      const known = fold ? name.toLowerCase() : name;
      sub?.set(
        known,
        value === null || isRuleScalar(value)
          ? readShort(node, value, `${id}.${name}`, below)
          : readCommand(node.child(value, key), `${id}.${name}`, below),
      );
    }
  }
  return {
    id,
    ...readMeaning(node),
    flags,
    operands: node.list('operands').map(({ value, line }) => readOperand(node, value, line)),
    sub,
    style,
    numeric: node.flag('numeric'),
    bundled: node.flag('bundled'),
    fold,
    harmless: node.flag('harmless'),
    runs: node.flag('runs'),
    bare: sub === null || node.flag('bare'),
    repeat: repeat === null ? null : readOperand(node, repeat, node.line(null)),
    asks: node.list('asks').map(({ value }) => value),
    anyAccount: node.flag('any_account'),
    requires: node.list('requires').map(({ value }) => value),
    needs,
    root,
  };
}

/** `status: unit*` is a reading sub-command with those operands; `status:` alone takes none. */
function readShort(parent: RuleNode, value: RuleTree | null, id: string, inherited: Inherited): CommandSchema {
  const text = isRuleScalar(value) && typeof value.value === 'string' ? value.value : '';
  const operands = text === '' ? [] : text.split(' ').map((spec) => readOperand(parent, spec, parent.line(value)));
  return { id, ...PLAIN, ...inherited, operands };
}

const QUIET = { effect: 'read', decision: null, attributes: [], reason: null, alternative: null } as const;
const PLAIN = {
  ...QUIET,
  sub: null,
  style: 'gnu',
  numeric: false,
  bundled: false,
  fold: false,
  harmless: false,
  runs: false,
  bare: true,
  repeat: null,
  asks: [],
  anyAccount: false,
  requires: [],
} as const;

function readMeaning(node: RuleNode): Meaning {
  return {
    effect: node.choice('effect', EFFECTS) ?? 'read',
    decision: node.choice('decision', DECISIONS),
    attributes: node.list('attribute').map(({ value, line }) => {
      if (value !== 'egress' && value !== 'secret') node.fail(null, `line ${line}: attribute is egress or secret`);
      return value;
    }),
    reason: node.text('reason'),
    alternative: node.text('alternative'),
  };
}

function readFlags(node: RuleNode): Map<string, FlagRule> {
  const flags = new Map<string, FlagRule>();
  const map = node.map('flags');
  if (map === null) return flags;
  for (const [key, , value] of map.entries()) {
    const rule = value === null ? plainFlag(map, null, null) : readFlag(map, value, key);
    for (const name of key.split(' ')) flags.set(name, rule);
  }
  return flags;
}

function readFlag(map: RuleNode, value: RuleTree, key: string): FlagRule {
  if (isRuleScalar(value)) return plainFlag(map, value.value, value);
  if (!isRuleMap(value)) return map.fail(value, `${key} must be a kind or a mapping`);
  const node = map.child(value, key);
  node.only(...MEANING, 'takes', 'paths', 'instead', 'with', 'runs');
  const base = plainFlag(map, node.text('takes'), value);
  return {
    ...base,
    ...readMeaning(node),
    paths: node.choice('paths', PATH_MODES),
    instead: node.flag('instead'),
    with: node.list('with').map(({ value: name }) => name),
    runs: node.flag('runs'),
  };
}

function plainFlag(map: RuleNode, spec: unknown, node: RuleTree | null): FlagRule {
  const none = { ...QUIET, paths: null, instead: false, with: [], runs: false } as const;
  if (spec === null) return { ...none, takes: null, attached: false };
  if (typeof spec !== 'string') return map.fail(node, 'a flag takes a kind');
  return { ...none, takes: readOperand(map, spec, map.line(node)), attached: spec.endsWith('?') };
}

/** `unit+`, `path-read*`, `word?`, `integer(0..19)`, `enum(a|b)`, `match(regular expression)`. */
function readOperand(node: RuleNode, spec: string, line: number): OperandRule {
  const parts = /^([a-z-]+)(?:\((.*)\))?([?*+]?)$/.exec(spec);
  const kind = KINDS.find((known) => known === parts?.[1]);
  if (parts === null || kind === undefined) return node.fail(null, `line ${line}: no operand kind ${spec}`);
  const [, , detail, count] = parts;
  const range = /^(-?\d+)\.\.(-?\d+)$/.exec(detail ?? '');
  const listed = kind === 'enum' || kind === 'match';
  if (listed !== (detail !== undefined && range === null) && !(kind.startsWith('path-') && range === null)) {
    return node.fail(null, `line ${line}: ${spec} lacks or has too much in its brackets`);
  }
  return {
    kind,
    min: count === '?' || count === '*' ? 0 : 1,
    many: count === '*' || count === '+',
    values: kind === 'enum' ? new Set(detail?.split('|')) : null,
    pattern: kind === 'enum' || range !== null ? null : readPattern(node, detail, line),
    range: range === null ? null : [Number(range[1]), Number(range[2])],
  };
}

function readPattern(node: RuleNode, detail: string | undefined, line: number): RegExp | null {
  if (detail === undefined) return null;
  try {
    return new RegExp(`^(?:${detail})$`);
  } catch {
    return node.fail(null, `line ${line}: ${detail} is no regular expression`);
  }
}

/** Reads `protected_units:`, globs of units whose restart a person must see. */
export function readProtected(root: RuleNode): RegExp[] {
  return root.list('protected_units').map(({ value }) => globPattern(value));
}

/** Reads `tighten:`, the restrictions of a site. */
export function readTighten(root: RuleNode, family: string): Tighten[] {
  return root.nodes('tighten').map((node, i) => {
    node.only('match', 'operand', 'decision', 'reason');
    const match = node.list('match').map(({ value }) => value);
    const decision = node.choice('decision', ['review', 'block']);
    if (match.length === 0 || decision === null) return node.fail(null, 'a restriction has match and decision');
    const operand = node.text('operand');
    return {
      id: `${family}.tighten.${i + 1}`,
      match,
      operand: operand === null ? null : globPattern(operand),
      decision,
      reason: node.text('reason') ?? 'the site forbids it without a person',
    };
  });
}
