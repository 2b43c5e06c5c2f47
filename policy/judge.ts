import { type Meant, readArguments, type Stranger } from './arguments.ts';
import type { WordSpans } from './compiled.ts';
import { type Damage, destructionInProgram } from './destruction.ts';
import { joinEffects } from './effects.ts';
import { isFault } from './fault.ts';
import { type Finding, worst } from './finding.ts';
import { cleanProgram } from './hostile.ts';
import { type Feed, feedOf, judgeInner } from './inner.ts';
import { needsRoot } from './needs-root.ts';
import { judgeOperand } from './operands.ts';
import type { Command, Program } from './program.ts';
import { readProgram } from './reader.ts';
import type { RuleSet } from './schema.ts';
import { checkSubset } from './subset.ts';
import { tightened } from './tighten.ts';
import { type Attribute, type Effect, type Inventory, stricter, type Verdict } from './verdict.ts';
import { unwrap } from './wrappers.ts';

/** Judges Programs without their text and without a parser: what an agent does before it runs one. */
export interface Judge {
  /** SHA-256 of the rules, hex. */
  readonly hash: string;
  /** `review: never`: a Program that is not allowed does not run even with consent (invariant 6). */
  readonly reviewForbidden: boolean;
  /**
   * The verdict on a Program, whoever made it: worst over its commands. Hostile input is answered, never thrown at.
   * `inventory` null: every name counts as existing. `policy` is the hash that the Program was vetted by, where it
   * came with one: another than this judge's is blocked.
   */
  judge(program: Program, inventory: Inventory | null, policy?: string): Verdict;
  /** Whether the rules mark a command as one that takes root to be of use. */
  needsRoot(argv: readonly string[]): boolean;
}

/** Makes a judge of compiled rules. */
export function createJudge(rules: RuleSet, hash: string): Judge {
  return {
    hash,
    reviewForbidden: rules.reviewForbidden,
    judge: (program, inventory, policy) =>
      policy === undefined || policy === hash
        ? judgeProgram(rules, hash, program, inventory, null)
        : refusedProgram('program.policy', 'it was vetted by another policy', hash),
    needsRoot: (argv) => needsRoot(rules, argv),
  };
}

/** As `Judge.judge`, with the source ranges of every word where the text is at hand. */
export function judgeProgram(
  rules: RuleSet,
  hash: string,
  given: Program,
  inventory: Inventory | null,
  spans: readonly WordSpans[] | null,
): Verdict {
  const program = cleanProgram(given);
  if (typeof program === 'string') return refusedProgram('program.shape', program, hash);
  const found: { finding: Finding; command: number }[] = [];
  let effect: Effect = 'read';
  const attributes = new Set<Attribute>();
  let command = 0;
  for (const job of program.jobs) {
    let fed: Feed | null = null;
    for (const one of job.pipe) {
      const { findings, feeds } = judgeCommand(rules, one, inventory, fed);
      fed = feeds;
      for (const finding of findings) {
        effect = joinEffects(effect, finding.effect);
        for (const attribute of finding.attributes) attributes.add(attribute);
      }
      const finding = worst(findings);
      if (finding !== undefined) found.push({ finding, command });
      command++;
    }
  }
  const damaged = destructionInProgram(program);
  if (damaged !== null && !found.some(({ finding }) => finding.decision === 'block')) {
    effect = joinEffects(effect, damaged.effect);
    found.push({ finding: blocked(damaged), command: damaged.command });
  }
  // A clean Program has a command, and a command at least one finding: this is what stands if either were not so.
  let deciding: (typeof found)[number] = { finding: NOTHING, command: 0 };
  for (const one of found) {
    const stricterNow = stricter(deciding.finding.decision, one.finding.decision) !== deciding.finding.decision;
    if (deciding.finding === NOTHING || stricterNow) deciding = one;
  }
  const { finding, command: number } = deciding;
  const span = spans?.[number]?.[finding.at];
  const offered = finding.alternative === undefined ? null : passing(rules, hash, finding.alternative, inventory);
  return {
    decision: finding.decision,
    rule: finding.rule,
    effect,
    attributes: [...attributes].sort(),
    reason: finding.reason,
    ...(span === undefined ? {} : { span }),
    ...(offered === null ? {} : { alternative: offered }),
    program,
    policy: hash,
  };
}

/** The alternative when it is itself allowed here and now; what does not pass is not offered. */
function passing(rules: RuleSet, hash: string, text: string, inventory: Inventory | null): string | null {
  const program = checkSubset(text) ?? readProgram(text);
  if (isFault(program)) return null;
  return judgeProgram(rules, hash, program, inventory, null).decision === 'allow' ? text : null;
}

const NOTHING: Finding = { ...review('program.empty', 'there is no command', 0), effect: 'read' };

const blocked = ({ rule, effect, reason }: Damage): Finding => ({
  decision: 'block',
  rule,
  effect,
  attributes: [],
  reason,
  at: 0,
});

function refusedProgram(rule: string, reason: string, hash: string): Verdict {
  return {
    decision: 'block',
    rule,
    effect: 'breach',
    attributes: [],
    reason,
    program: null,
    policy: hash,
  };
}

/** Everything that was noticed about one command, and what it feeds to the next of its pipe. */
interface Noticed {
  /** Never empty. */
  readonly findings: readonly Finding[];
  readonly feeds: Feed | null;
}

function judgeCommand(rules: RuleSet, command: Command, inventory: Inventory | null, fed: Feed | null): Noticed {
  const { argv } = command;
  const inner = unwrap(argv);
  if ('unreadable' in inner) return only(review('unknown.wrapper', inner.unreadable, inner.at));
  const schema = rules.commands.get(inner.name);
  if (schema === undefined) return only(review('unknown.binary', `${inner.name} is not a known command`, inner.at));
  const meant = readArguments(schema, argv, inner.at + 1);
  const known = !('stranger' in meant);
  const found = known ? judgeMeant(rules, meant, inner.at, inventory) : [strange(meant)];
  if (inner.account !== '' && !(known && schema.anyAccount && meant.effect === 'read')) {
    found.push(review('wrapper.account', `it runs as ${inner.account}, whose own settings may change it`, inner.at));
  }
  if (known && meant.inner.length > 0) found.push(...judgeInner(rules, meant, inventory, fed));
  if (rules.tighten.length > 0) {
    found.push(...tightened(rules, [inner.name, ...argv.slice(inner.at + 1)], inner.at));
  }
  return { findings: found, feeds: known && schema.style === 'single' ? feedOf(meant) : null };
}

const only = (finding: Finding): Noticed => ({ findings: [finding], feeds: null });

function review(rule: string, reason: string, at: number): Finding {
  return { decision: 'review', rule, effect: 'change', attributes: [], reason, at };
}

function strange(problem: Stranger): Finding {
  const { schema } = problem;
  return {
    ...review(`${schema.id}.${problem.stranger}`, problem.reason, problem.at),
    effect: joinEffects('change', schema.effect),
    attributes: schema.attributes,
    decision: schema.decision === 'block' ? 'block' : 'review',
    ...(schema.alternative === null ? {} : { alternative: schema.alternative }),
  };
}

function judgeMeant(rules: RuleSet, meant: Meant, start: number, inventory: Inventory | null): Finding[] {
  const own: Finding = {
    decision: meant.decision,
    rule: meant.schema.id,
    effect: meant.effect,
    attributes: meant.attributes,
    reason: meant.reason ?? REASONS[meant.effect],
    at: Math.max(start, meant.at),
    ...alternative(meant),
  };
  const around = { inventory, protectedUnits: rules.protectedUnits, effect: meant.effect, paths: meant.paths };
  const named = meant.uses.flatMap((use) => judgeOperand(use, around));
  // That a thing is not there says more than what would be done to it.
  const absent = named.filter(({ rule }) => rule.startsWith('inventory.'));
  return absent.length === 0 ? [own, ...named] : [...absent, own, ...named];
}

/** The safer command with the very thing that was named; without one it would be no command. */
function alternative({ alternative, decision, uses }: Meant): { alternative?: string } {
  if (alternative === null || decision === 'allow') return {};
  if (!/[A-Z]{3}/.test(alternative)) return { alternative };
  const named = uses.findLast(({ rule, value }) => NAMING.has(rule.kind) && /^[\w@%+:,./][\w@%+:,./-]*$/.test(value));
  return named === undefined ? {} : { alternative: alternative.replace(/\b(?:UNIT|PID|PATH|NAME)\b/, named.value) };
}

const NAMING: ReadonlySet<string> = new Set(['unit', 'pid', 'word', 'path-delete', 'path-write']);

const REASONS: Readonly<Record<Effect, string>> = {
  read: 'it only reads',
  restart: 'it restarts what was running, and changes nothing else',
  change: 'it changes state',
  destroy: 'it ends or removes something that does not come back by itself',
  breach: 'it breaks out of what a plan may do',
};
