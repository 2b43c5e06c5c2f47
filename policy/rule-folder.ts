import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, PolicyError } from './policy-error.ts';
import { parseRules, type RuleMap } from './rule-tree.ts';

/** One rule file: its bare name, what stands in it, and what a build has read from that very text before. */
export interface RuleText {
  readonly file: string;
  readonly text: string;
  readonly tree?: RuleMap;
}

/**
 * The rule files of a folder in the order of names, so that a hash is the same on every platform. A BOM or CRLF is the
 * file's own. Throws E_POLICY_READ.
 */
export function readRuleFolder(folder: string): readonly RuleText[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.yaml'))
      .sort()
      .map((name) => ({ file: name, text: readFileSync(join(folder, name), 'utf8') }));
  } catch (error) {
    throw new PolicyError('E_POLICY_READ', folder, 0, messageOf(error));
  }
}

/** For each file of rules the SHA-256 of its text, hex, and what was read from it. */
export type RuleTrees = Readonly<Record<string, { readonly sha256: string; readonly tree: RuleMap }>>;

/** What the rules of a folder say, for a build to keep beside them. Throws a PolicyError that names file and line. */
export const treesOf = (folder: string): RuleTrees =>
  Object.fromEntries(
    readRuleFolder(folder).map(({ file, text }) => [file, { sha256: sha256(text), tree: parseRules(file, text) }]),
  );

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
