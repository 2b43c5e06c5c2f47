import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { messageOf, PolicyError } from './policy-error.ts';
import { type RuleText, type RuleTrees, readRuleFolder, sha256 } from './rule-folder.ts';

/** Where the product's own rules lie. The agent's bundle has them inside it, and replaces this module (build-agent.mjs). */
export const BUILT_IN_FOLDER = fileURLToPath(new URL('./rules/', import.meta.url));

/** What the build read from the rules: most of a start would be spent on YAML otherwise. */
const TREES = fileURLToPath(new URL('./rules.json', import.meta.url));

/** The product's own rules, in the order of their names; throws E_POLICY_READ where they or their trees are missing. */
export function builtInRules(treesFile = TREES): readonly RuleText[] {
  const trees = readTrees(treesFile);
  return readRuleFolder(BUILT_IN_FOLDER).map(({ file, text }) => {
    const known = trees[file];
    // A file that was edited after the build is read anew.
    return known?.sha256 === sha256(text) ? { file, text, tree: known.tree } : { file, text };
  });
}

function readTrees(file: string): RuleTrees {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RuleTrees;
  } catch (error) {
    throw new PolicyError('E_POLICY_READ', file, 0, `${messageOf(error)}; build the project again`);
  }
}
