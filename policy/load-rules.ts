import { createHash } from 'node:crypto';
import { BUILT_IN_FOLDER, builtInRules } from './built-in-rules.ts';
import { readCommands, readProtected, readTighten } from './compile-schema.ts';
import { PolicyError } from './policy-error.ts';
import { type Example, RuleNode, readExamples } from './rule-file.ts';
import { readRuleFolder } from './rule-folder.ts';
import { parseRules } from './rule-tree.ts';
import type { RuleSet } from './schema.ts';

/** Changes with the code that gives rules their meaning: the same files judged by other code are another policy. */
const ENGINE = 'sentinel-policy-1';

export interface LoadOptions {
  /** A folder of the site's own YAML files; they can only tighten. */
  readonly siteDir?: string;
  /** Folders of the groups that a host is in, in order; each can only tighten further. */
  readonly groupDirs?: readonly string[];
  /** The built-in rules; by default those beside this module. */
  readonly rulesDir?: string;
}

/** What was read: the rules, their hash, and the promises that they must keep. */
export interface Loaded {
  readonly rules: RuleSet;
  readonly hash: string;
  /** What `hash` would be with the built-in rules alone. */
  readonly builtIn: string;
  /** Each with the rules of its own tier and those above: its promise holds there, whatever is forbidden below. */
  readonly examples: readonly (Example & { readonly file: string; readonly tier: Tier; readonly rules: RuleSet })[];
}

/** Reads and checks every rule file of all tiers; throws a PolicyError that names file and line. */
export function loadRules(options: LoadOptions = {}): Loaded {
  const hash = createHash('sha256').update(ENGINE);
  const examples: (Example & { file: string; tier: Tier; rules: RuleSet })[] = [];
  let builtIn = '';
  let rules: RuleSet = { commands: new Map(), protectedUnits: [], tighten: [], reviewForbidden: false };
  for (const { tier, folder } of tiers(options)) {
    const promised: (Example & { file: string })[] = [];
    for (const { file, text, tree } of folder === BUILT_IN_FOLDER ? builtInRules() : readRuleFolder(folder)) {
      hash.update(JSON.stringify([tier, file, text]));
      const root = new RuleNode(file, tree ?? parseRules(file, text));
      rules = withFile(rules, root, tier);
      promised.push(...readExamples(root).map((example) => ({ ...example, file })));
    }
    for (const example of promised) examples.push({ ...example, tier, rules });
    // The highest tier comes first.
    builtIn ||= hash.copy().digest('hex');
  }
  return { rules, hash: hash.digest('hex'), builtIn, examples };
}

/** The folders that rules come from, the highest tier first. */
export function tiers({ rulesDir, siteDir, groupDirs }: LoadOptions): { tier: Tier; folder: string }[] {
  return [
    { tier: 'built-in', folder: rulesDir ?? BUILT_IN_FOLDER },
    ...(siteDir === undefined ? [] : [{ tier: 'site' as const, folder: siteDir }]),
    ...(groupDirs ?? []).map((folder) => ({ tier: 'group' as const, folder })),
  ];
}

/** `rules` with what one more file says; nothing in a file of a lower tier can take anything away. */
function withFile(rules: RuleSet, root: RuleNode, tier: Tier): RuleSet {
  root.only('family', 'commands', 'protected_units', 'tighten', 'review', 'examples');
  const family = root.text('family') ?? root.fail(null, 'a rule file names its family');
  if (tier !== 'built-in' && root.map('commands') !== null) {
    throw new PolicyError('E_POLICY_TIER', root.file, 1, `a ${tier} can only tighten: commands are the product's`);
  }
  const commands = new Map(rules.commands);
  for (const [name, schema] of readCommands(root, family)) {
    if (commands.has(name)) root.fail(null, `${name} is defined twice`);
    commands.set(name, schema);
  }
  return {
    commands,
    protectedUnits: [...rules.protectedUnits, ...readProtected(root)],
    tighten: [...rules.tighten, ...readTighten(root, tier === 'built-in' ? family : `${tier}.${family}`)],
    reviewForbidden: rules.reviewForbidden || root.choice('review', ['never']) !== null,
  };
}

type Tier = 'built-in' | 'site' | 'group';
