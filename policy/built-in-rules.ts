import { fileURLToPath } from 'node:url';
import { type RuleText, readRuleFolder } from './rule-folder.ts';

/** Where the product's own rules lie. The agent's bundle has them inside it, and replaces this module (build-agent.mjs). */
export const BUILT_IN_FOLDER = fileURLToPath(new URL('./rules/', import.meta.url));

/** The product's own rules, in the order of their names; throws E_POLICY_READ where they are missing. */
export const builtInRules = (): readonly RuleText[] => readRuleFolder(BUILT_IN_FOLDER);
