import { loadBash } from '../grammars/bash.ts';
import { compile } from './compile.ts';
import { destructionInText } from './destruction.ts';
import { type Fault, isFault } from './fault.ts';
import { createJudge, type Judge, judgeProgram } from './judge.ts';
import { type Loaded, type LoadOptions, loadRules } from './load-rules.ts';
import { type Reader, treeReader } from './parse.ts';
import { PolicyError } from './policy-error.ts';
import type { Inventory, Verdict } from './verdict.ts';

export type { Judge } from './judge.ts';
export { PolicyError } from './policy-error.ts';

/** The gate between a model and a machine: text in, verdict out. */
export interface Policy {
  /** SHA-256 of the rules of both tiers, hex; a Judge with the same rules has the same. */
  readonly hash: string;
  /**
   * The verdict on one command text; never throws, whatever `text` holds, and in bounded time.
   * `inventory` null: every name counts as existing, and a site's hosts as configured.
   */
  check(text: string, inventory: Inventory | null): Verdict;
}

/**
 * Loads the built-in rules and, above them, a site's, which can only tighten. Every file's own examples are checked:
 * one that does not hold loads nothing. Throws PolicyError with code, file and line.
 */
export async function loadPolicy(options: LoadOptions = {}): Promise<Policy> {
  const reader = treeReader(await loadBash());
  const loaded = loadRules(options);
  const policy: Policy = { hash: loaded.hash, check: (text, inventory) => check(loaded, reader, text, inventory) };
  for (const { command, decision, file, line, tier } of loaded.examples) {
    const rules = tier === 'site' ? loaded.rules : loaded.builtIn;
    const verdict = check({ ...loaded, rules }, reader, command, null);
    if (verdict.decision === decision) continue;
    throw new PolicyError(
      'E_POLICY_EXAMPLE',
      file,
      line,
      `${command}: promised ${decision}, is ${verdict.decision} by ${verdict.rule}`,
    );
  }
  return policy;
}

/** The judge alone, for an agent: the same rules and hash, no parser. Examples are not checked, since they are text. */
export function loadJudge(options: LoadOptions = {}): Judge {
  const { rules, hash } = loadRules(options);
  return createJudge(rules, hash);
}

function check({ rules, hash }: Loaded, reader: Reader, text: string, inventory: Inventory | null): Verdict {
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
