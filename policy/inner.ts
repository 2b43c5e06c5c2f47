import { type Inner, type Meant, readArguments } from './arguments.ts';
import type { Finding } from './finding.ts';
import { bareName } from './names.ts';
import { judgeOperand } from './operands.ts';
import { normalise } from './paths.ts';
import type { RuleSet } from './schema.ts';
import { tightened } from './tighten.ts';
import type { Inventory } from './verdict.ts';
import { wordAt } from './word-at.ts';

/** Where the words come from that a command inside another one is given. */
export interface Feed {
  /** Folders below which everything is found. */
  readonly roots: readonly string[];
}

/** Folders that one find may search with a command inside: each is judged by itself. */
const ROOTS = 8;

/** What `find` stands for where it names no folder: an agent's working folder is the root. */
const WORKING_FOLDER = '/';

/**
 * Judges the commands inside a command line. On what `find` finds only a tool runs that just reads, and it is judged
 * as if it read the whole tree; words from standard input go only to tools that are harmless whatever they are given.
 */
export function judgeInner(rules: RuleSet, meant: Meant, inventory: Inventory | null, fed: Feed | null): Finding[] {
  const { schema } = meant;
  if (!schema.runs) {
    return meant.inner.flatMap((inner) => onFound(rules, inner, { roots: foundIn(meant) }, inventory));
  }
  return meant.inner.flatMap((inner) => {
    const holes = inner.argv.includes('{}');
    if (fed !== null && (meant.given.has('-0') || meant.given.has('--null'))) {
      return onFound(rules, holes ? inner : { ...inner, argv: [...inner.argv, '{}'] }, fed, inventory);
    }
    return onWords(rules, inner, inventory);
  });
}

/** What a search feeds to the next command of its pipe, when it prints nothing but whole names (`-print0`). */
export function feedOf(meant: Meant): Feed | null {
  if (!meant.given.has('-print0') || meant.inner.length > 0) return null;
  if (['-print', '-printf', '-ls'].some((flag) => meant.given.has(flag))) return null;
  return { roots: foundIn(meant) };
}

function foundIn(meant: Meant): string[] {
  const named = meant.uses.filter(({ rule, option }) => rule.kind.startsWith('path-') && !option);
  return named.length === 0 ? [WORKING_FOLDER] : named.map(({ value }) => normalise(value));
}

const review = (rule: string, reason: string, at: number): Finding => ({
  decision: 'review',
  rule,
  effect: 'change',
  attributes: [],
  reason,
  at,
});

function readInner(rules: RuleSet, argv: readonly string[], at: number): Meant | Finding {
  const name = bareName(wordAt(argv, 0));
  const schema = name === null ? undefined : rules.commands.get(name);
  if (name === null || schema === undefined) return review('unknown.inner', 'it runs what is not known', at);
  const [forbidden] = tightened(rules, [name, ...argv.slice(1)], at);
  if (forbidden !== undefined) return forbidden;
  const meant = readArguments(schema, argv, 1);
  if ('stranger' in meant) {
    const found = review(`${schema.id}.${meant.stranger}`, meant.reason, at + meant.at);
    return schema.decision === 'block' ? { ...found, decision: 'block' } : found;
  }
  if (meant.effect !== 'read' || meant.decision !== 'allow' || meant.inner.length > 0 || schema.runs) {
    return {
      ...review('inner.effect', `${name} does more than read, or shows secrets`, at),
      effect: meant.effect === 'read' ? 'change' : meant.effect,
      decision: meant.decision === 'block' ? 'block' : 'review',
      attributes: meant.attributes,
    };
  }
  return meant;
}

function onFound(rules: RuleSet, { argv, at }: Inner, { roots }: Feed, inventory: Inventory | null): Finding[] {
  if (!argv.includes('{}')) return [review('inner.operand', 'it does not run on what is found', at)];
  if (argv.some((word) => word !== '{}' && word.includes('{}'))) {
    return [review('inner.operand', 'a found name inside another word', at)];
  }
  if (roots.length > ROOTS) return [review('inner.operand', `more than ${ROOTS} folders`, at)];
  return roots.flatMap((root) => {
    const meant = readInner(
      rules,
      argv.map((word) => (word === '{}' ? root : word)),
      at,
    );
    if ('rule' in meant) return [meant];
    return meant.uses.flatMap((use) => {
      const found = argv[use.at] === '{}';
      const around = { inventory, protectedUnits: rules.protectedUnits, effect: meant.effect, paths: meant.paths };
      if (!found) return judgeOperand(use, around).map((finding) => ({ ...finding, at: at + finding.at }));
      if (!PATHS.has(use.rule.kind)) return [review('inner.operand', 'a found name where no path is expected', at)];
      const paths = use.rule.kind === 'path-list' && meant.paths === null ? 'list' : 'tree';
      return judgeOperand(use, { ...around, paths }).map((finding) => ({ ...finding, at }));
    });
  });
}

const PATHS: ReadonlySet<string> = new Set(['path-list', 'path-read', 'path-tree']);

function onWords(rules: RuleSet, { argv, at }: Inner, inventory: Inventory | null): Finding[] {
  const filled = argv.map((word) => word.replaceAll('{}', 'x'));
  const meant = readInner(rules, argv.some((word) => word.includes('{}')) ? filled : [...filled, 'x'], at);
  if ('rule' in meant) return [meant];
  if (!meant.schema.harmless) return [review('inner.words', 'nobody knows what words it would be given', at)];
  const around = { inventory, protectedUnits: rules.protectedUnits, effect: meant.effect, paths: meant.paths };
  // The stand-in is a bare name; whole paths may come in its place.
  const found = meant.uses.flatMap((use) => judgeOperand(use, around)).filter(({ rule }) => rule !== 'path.bare');
  return found.map((finding) => ({ ...finding, at }));
}
