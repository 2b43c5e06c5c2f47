import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { messageOf, PolicyError } from './policy-error.ts';
import { type RuleText, readRuleFolder } from './rule-folder.ts';
import { parseRules, type RuleMap } from './rule-tree.ts';

/** Where the product's own rules lie. The agent's bundle has them inside it, and replaces this module (build-agent.mjs). */
export const BUILT_IN_FOLDER = fileURLToPath(new URL('./rules/', import.meta.url));

/** What the build read from the rules: most of a start would be spent on YAML otherwise. */
const TREES = fileURLToPath(new URL('./rules.json', import.meta.url));

/** For each file of rules the SHA-256 of its text, hex, and what was read from it. */
export type RuleTrees = Readonly<Record<string, { readonly sha256: string; readonly tree: RuleMap }>>;

/** The product's own rules, in the order of their names; throws E_POLICY_READ where they or their trees are missing. */
export function builtInRules(treesFile = TREES): readonly RuleText[] {
  const trees = readTrees(treesFile);
  return readRuleFolder(BUILT_IN_FOLDER).map(({ file, text }) => {
    const known = trees[file];
    // A file that was edited after the build is read anew.
    return known?.sha256 === sha256(text) ? { file, text, tree: known.tree } : { file, text };
  });
}

/** What the rules of a folder say, for a build to keep beside them. Throws a PolicyError that names file and line. */
export const treesOf = (folder: string): RuleTrees =>
  Object.fromEntries(
    readRuleFolder(folder).map(({ file, text }) => [file, { sha256: sha256(text), tree: parseRules(file, text) }]),
  );

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function readTrees(file: string): RuleTrees {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RuleTrees;
  } catch (error) {
    throw new PolicyError('E_POLICY_READ', file, 0, `${messageOf(error)}; build the project again`);
  }
}
