import { loadBash } from '../grammars/bash.ts';
import { compile } from './compile.ts';
import { destructionInText } from './destruction.ts';
import { type Fault, isFault } from './fault.ts';
import { judgeProgram } from './judge.ts';
import { type LoadOptions, loadRules } from './load-rules.ts';
import { type Reader, treeReader } from './parse.ts';
import { PolicyError } from './policy-error.ts';
import type { RuleSet } from './schema.ts';
import { wereTried } from './tried-rules.ts';
import type { Inventory, Verdict } from './verdict.ts';

export type { Judge } from './judge.ts';
export { loadJudge } from './load-judge.ts';
export { PolicyError } from './policy-error.ts';

/** The gate between a model and a machine: text in, verdict out. */
export interface Policy {
  /** SHA-256 of the rules of all tiers, hex; a Judge with the same rules has the same. */
  readonly hash: string;
  /** They are the product's own alone, and rules, trees and code are as the build tried them. */
  readonly isAsBuilt: boolean;
  /** `review: never`: a command that is not allowed does not run even with consent (invariant 6). */
  readonly reviewForbidden: boolean;
  /**
   * The verdict on one command text; never throws, whatever `text` holds, and in bounded time.
   * `inventory` null: every name counts as existing, and a site's hosts as configured.
   */
  check(text: string, inventory: Inventory | null): Verdict;
}

/** A policy whose files read well, and which of their examples do not hold. */
export interface Tried {
  readonly policy: Policy;
  readonly examples: number;
  readonly broken: readonly PolicyError[];
}

/**
 * Loads the built-in rules and below them a site's and its groups', which can only tighten. Every file's own examples are checked:
 * one that does not hold loads nothing. Those of built-in rules are taken as read while rules, trees and code are as the
 * build tried them: a second of every start would be spent on them. Throws PolicyError with code, file and line.
 */
export async function loadPolicy(options: LoadOptions = {}): Promise<Policy> {
  const { policy, broken } = await tried(options, wereTried);
  const [first] = broken;
  if (first !== undefined) throw first;
  return policy;
}

/** As `loadPolicy`, but answers every example that does not hold instead of throwing the first. */
export function tryPolicy(options: LoadOptions): Promise<Tried> {
  return tried(options, () => false);
}

/** `isKnown`: whether the built-in rules of a hash have kept their examples already. */
async function tried(options: LoadOptions, isKnown: (builtIn: string) => boolean): Promise<Tried> {
  const reader = treeReader(await loadBash());
  const loaded = loadRules(options);
  const known = isKnown(loaded.builtIn);
  const broken: PolicyError[] = [];
  for (const { command, decision, file, line, tier, rules } of loaded.examples) {
    if (tier === 'built-in' && known) continue;
    const verdict = check(rules, loaded.hash, reader, command, null);
    if (verdict.decision === decision) continue;
    const found = `${command}: promised ${decision}, is ${verdict.decision} by ${verdict.rule}`;
    broken.push(new PolicyError('E_POLICY_EXAMPLE', file, line, found));
  }
  const { rules, hash } = loaded;
  const policy: Policy = {
    hash,
    isAsBuilt: known && hash === loaded.builtIn,
    reviewForbidden: rules.reviewForbidden,
    check: (text, inventory) => check(rules, hash, reader, text, inventory),
  };
  return { policy, examples: loaded.examples.length, broken };
}

function check(rules: RuleSet, hash: string, reader: Reader, text: string, inventory: Inventory | null): Verdict {
  const compiled = compile(text, reader);
  if (isFault(compiled)) return refused(compiled, text, hash);
  return judgeProgram(rules, hash, compiled.program, inventory, compiled.spans);
}

/** What does not compile never runs as it stands; where it also destroys, no person may run it either. */
function refused(refusal: Fault, text: string, hash: string): Verdict {
  const damage = destructionInText(text);
  const base = { attributes: [], span: refusal.span, program: null, policy: hash };
  if (damage === null)
    return { decision: 'review', rule: refusal.fault, effect: 'change', reason: refusal.reason, ...base };
  return {
    decision: 'block',
    rule: damage.rule,
    effect: damage.effect,
    reason: damage.reason,
    ...base,
    span: [0, Math.min(text.length, 4_096)],
  };
}
