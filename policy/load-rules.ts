import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readCommands, readProtected, readTighten } from './compile-schema.ts';
import { PolicyError } from './policy-error.ts';
import { type Example, readExamples, readRuleFile } from './rule-file.ts';
import type { CommandSchema, RuleSet, Tighten } from './schema.ts';

/** Changes with the code that gives rules their meaning: the same files judged by other code are another policy. */
const ENGINE = 'sentinel-policy-1';

export interface LoadOptions {
  /** A folder of the site's own YAML files; they can only tighten. */
  readonly siteDir?: string;
  /** The built-in rules; by default those beside this module. */
  readonly rulesDir?: string;
}

/** What was read: the rules, their hash, and the promises that they must keep. */
export interface Loaded {
  readonly rules: RuleSet;
  /** The product's own tier by itself: its examples hold there, whatever a site forbids on top. */
  readonly builtIn: RuleSet;
  readonly hash: string;
  readonly examples: readonly (Example & { readonly file: string; readonly tier: Tier })[];
}

/** Reads and checks every rule file of both tiers; throws a PolicyError that names file and line. */
export function loadRules(options: LoadOptions = {}): Loaded {
  const builtIn = readFolder(options.rulesDir ?? fileURLToPath(new URL('./rules/', import.meta.url)));
  const site = options.siteDir === undefined ? [] : readFolder(options.siteDir);
  const hash = createHash('sha256').update(ENGINE);
  const commands = new Map<string, CommandSchema>();
  const protectedUnits: RegExp[] = [];
  const tighten: Tighten[] = [];
  let builtInRules: RuleSet | undefined;
  const examples: (Example & { file: string; tier: Tier })[] = [];
  for (const { file, text, tier } of [...tiered(builtIn, 'built-in'), ...tiered(site, 'site')]) {
    if (tier === 'site') builtInRules ??= { commands, protectedUnits: [...protectedUnits], tighten: [...tighten] };
    hash.update(JSON.stringify([tier, file, text]));
    const root = readRuleFile(file, text);
    root.only('family', 'commands', 'protected_units', 'tighten', 'examples');
    const family = root.text('family') ?? root.fail(null, 'a rule file names its family');
    if (tier === 'site' && root.map('commands') !== null) {
      throw new PolicyError('E_POLICY_TIER', file, 1, 'a site can only tighten: commands are defined by the product');
    }
    for (const [name, schema] of readCommands(root, family)) {
      if (commands.has(name)) root.fail(null, `${name} is defined twice`);
      commands.set(name, schema);
    }
    protectedUnits.push(...readProtected(root));
    tighten.push(...readTighten(root, `${tier === 'site' ? 'site.' : ''}${family}`));
    examples.push(...readExamples(root).map((example) => ({ ...example, file, tier })));
  }
  const rules = { commands, protectedUnits, tighten };
  return { rules, builtIn: builtInRules ?? rules, hash: hash.digest('hex'), examples };
}

interface RuleText {
  readonly file: string;
  readonly text: string;
}

type Tier = 'built-in' | 'site';

const tiered = (files: readonly RuleText[], tier: Tier) => files.map((one) => ({ ...one, tier }));

/** In the order of names, so that a hash is the same on every platform. A BOM or CRLF is the file's own. */
function readFolder(folder: string): RuleText[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.yaml'))
      .sort((a, b) => (a < b ? -1 : 1))
      .map((name) => ({ file: name, text: readFileSync(join(folder, name), 'utf8') }));
  } catch (error) {
    throw new PolicyError('E_POLICY_READ', folder, 0, error instanceof Error ? error.message : 'it cannot be read');
  }
}
