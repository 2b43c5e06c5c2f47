import { readCommands } from '../../policy/compile-schema.ts';
import type { Command, Program } from '../../policy/program.ts';
import { RuleNode } from '../../policy/rule-file.ts';
import { parseRules } from '../../policy/rule-tree.ts';
import type { RuleSet } from '../../policy/schema.ts';

// Programs and rules as the tests of the engine need them: written down in one line.

export const command = (...argv: string[]): Command => ({ argv, stdout: 'keep', stderr: 'keep' });
export const job = (...pipe: Command[]): Program['jobs'][number] => ({ when: 'always', pipe });
export const of = (...jobs: Program['jobs'][number][]): Program => ({ version: 1, jobs });

/** Rules of one family text, without examples. */
export function rulesOf(text: string): RuleSet {
  const commands = readCommands(new RuleNode('x.yaml', parseRules('x.yaml', `family: x\ncommands:\n${text}`)), 'x');
  return { commands, protectedUnits: [], tighten: [], reviewForbidden: false };
}
