import { readArguments } from './arguments.ts';
import type { RuleSet } from './schema.ts';
import { unwrap } from './wrappers.ts';

/**
 * Whether the rules say that a command takes root to be of use: what an agent that is not root refuses with a reason
 * instead of failing at it. `sudo` takes root by itself; a command that no rule knows is taken as it stands.
 */
export function needsRoot(rules: RuleSet, argv: readonly string[]): boolean {
  const inner = unwrap(argv);
  if (argv[0] === 'sudo') return true;
  const schema = 'unreadable' in inner ? undefined : rules.commands.get(inner.name);
  return schema !== undefined && readArguments(schema, argv, inner.at + 1).schema.root;
}
