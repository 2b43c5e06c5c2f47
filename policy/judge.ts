import { type Meant, readArguments, type Stranger } from './arguments.ts';
import type { WordSpans } from './compiled.ts';
import { type Damage, destructionInProgram } from './destruction.ts';
import { joinEffects } from './effects.ts';
import { type Finding, worst } from './finding.ts';
import { cleanProgram } from './hostile.ts';
import { judgeOperand } from './operands.ts';
import type { Command, Program } from './program.ts';
import type { RuleSet } from './schema.ts';
import { type Attribute, type Effect, type Inventory, stricter, type Verdict } from './verdict.ts';
import { unwrap } from './wrappers.ts';

/** Judges Programs without their text and without a parser: what an agent does before it runs one. */
export interface Judge {
  /** SHA-256 of the rules, hex. */
  readonly hash: string;
  /**
   * The verdict on a Program, whoever made it: worst over its commands. Hostile input is answered, never thrown at.
   * `inventory` null: every name counts as existing.
   */
  judge(program: Program, inventory: Inventory | null): Verdict;
}

/** Makes a judge of compiled rules. */
export function createJudge(rules: RuleSet, hash: string): Judge {
  return { hash, judge: (program, inventory) => judgeProgram(rules, hash, program, inventory, null) };
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
  if (typeof program === 'string') return shapeless(program, hash);
  const found: { finding: Finding; command: number }[] = [];
  let effect: Effect = 'read';
  const attributes = new Set<Attribute>();
  let command = 0;
  for (const job of program.jobs) {
    for (const one of job.pipe) {
      const findings = judgeCommand(rules, one, inventory);
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
  let deciding = found[0];
  for (const one of found) {
    if (
      deciding === undefined ||
      stricter(deciding.finding.decision, one.finding.decision) !== deciding.finding.decision
    )
      deciding = one;
  }
  const finding = deciding?.finding ?? { ...blocked(NOTHING), decision: 'review' as const };
  const span = spans?.[deciding?.command ?? 0]?.[finding.at];
  return {
    decision: finding.decision,
    rule: finding.rule,
    effect,
    attributes: [...attributes].sort(),
    reason: finding.reason,
    ...(span === undefined ? {} : { span }),
    ...(finding.alternative === undefined ? {} : { alternative: finding.alternative }),
    program,
    policy: hash,
  };
}

const NOTHING = { rule: 'program.empty', effect: 'read', reason: 'there is no command' } as const;

const blocked = ({ rule, effect, reason }: Damage): Finding => ({
  decision: 'block',
  rule,
  effect,
  attributes: [],
  reason,
  at: 0,
});

function shapeless(reason: string, hash: string): Verdict {
  return {
    decision: 'block',
    rule: 'program.shape',
    effect: 'breach',
    attributes: [],
    reason,
    program: null,
    policy: hash,
  };
}

/** Everything that was noticed about one command; never empty. */
function judgeCommand(rules: RuleSet, command: Command, inventory: Inventory | null): Finding[] {
  const { argv } = command;
  const inner = unwrap(argv);
  if ('unreadable' in inner) return [review('unknown.wrapper', inner.unreadable, inner.at)];
  const schema = rules.commands.get(inner.name);
  if (schema === undefined) return [review('unknown.binary', `${inner.name} is not a known command`, inner.at)];
  const meant = readArguments(schema, argv, inner.at + 1);
  const found = 'stranger' in meant ? [strange(meant)] : judgeMeant(rules, meant, inner.at, inventory);
  for (const rule of rules.tighten) {
    const words = [inner.name, ...argv.slice(inner.at + 1)];
    const rest = words.slice(rule.match.length);
    const pattern = rule.operand;
    if (!rule.match.every((word, i) => words[i] === word)) continue;
    if (pattern !== null && !rest.some((word) => pattern.test(word))) continue;
    found.push({ ...review(rule.id, rule.reason, inner.at), decision: rule.decision });
  }
  return found;
}

const review = (rule: string, reason: string, at: number): Finding => ({
  decision: 'review',
  rule,
  effect: 'change',
  attributes: [],
  reason,
  at,
});

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
  return [own, ...meant.uses.flatMap((use) => judgeOperand(use, around))];
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
