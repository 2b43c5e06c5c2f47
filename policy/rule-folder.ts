import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, PolicyError } from './policy-error.ts';
import type { RuleMap } from './rule-tree.ts';

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
