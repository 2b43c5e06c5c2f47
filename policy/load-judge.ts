import { createJudge, type Judge } from './judge.ts';
import { type LoadOptions, loadRules } from './load-rules.ts';

/**
 * The judge alone, for an agent: the same rules and hash as a policy of the same files, and no parser, so that nothing
 * of the grammar is loaded with it. Examples are not checked, since they are text. Throws PolicyError.
 */
export function loadJudge(options: LoadOptions = {}): Judge {
  const { rules, hash } = loadRules(options);
  return createJudge(rules, hash);
}
