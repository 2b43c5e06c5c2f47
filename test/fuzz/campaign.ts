import { loadRules } from '../../policy/load-rules.ts';
import { loadPolicy } from '../../policy/policy.ts';
import type { Program } from '../../policy/program.ts';
import { BashOracle } from './bash-oracle.ts';
import { Generator } from './generate.ts';
import { Seeded } from './seeded.ts';

/** What one run found. */
export interface Findings {
  /** Commands that were allowed and run by bash too. */
  readonly compared: number;
  /** Programs that bash started for these, each seen to be the right one. */
  readonly started: number;
  readonly generated: number;
  /** Of the generated: allowed commands with a trick put into them, and how many of these were still allowed. */
  readonly mutated: number;
  readonly mutantsAllowed: number;
  readonly differences: readonly string[];
}

export interface CampaignOptions {
  readonly seed: number;
  /** Allowed commands to compare. */
  readonly count: number;
  readonly batch?: number;
  /** Stubs as real programs on the PATH, or as functions, which is several times quicker. */
  readonly stubs: 'programs' | 'functions';
  /** The bash that runs them, `/bin/bash` when not said. */
  readonly shell?: string;
  /** Processes of bash at a time. */
  readonly jobs?: number;
  readonly progress?: (compared: number) => void;
  /** Ends the run after the batches that are under way, with what was found until then. */
  readonly stop?: AbortSignal;
}

/** What is put into an allowed command: operators, quotes, expansions, control bytes and the misparses that are known. */
const TRICKS = [
  ...[
    ';',
    '&',
    '&&',
    '|',
    '||',
    '|&',
    '\n',
    '\r',
    '\0',
    '\t',
    '\v',
    '\f',
    ' ',
    '\x1b',
    '\x7f',
    '\u00a0',
    '\u2028',
    'é',
  ],
  ...[
    "'",
    '"',
    '`',
    '\\',
    '\\\n',
    "''",
    '""',
    "$'",
    '$"',
    '$',
    '$x',
    ['$', '{x}'].join(''),
    '$(id)',
    '`id`',
    '$((1))',
    '$[1]',
  ],
  ...['*', '?', '[a]', '{', '}', '{}', '{a,b}', '{1..3}', '~', '#', ' #', '!', ' ! ', '!!', '(', ')', '( )', ' \\( '],
  ...['<', '>', '>>', '<<E\n', '<<<x', '<(id)', '>(id)', '2>&1', ' 2>&1 ', '>/dev/null', ' >/dev/null ', '3>&1', '>&2'],
  ...[
    'A=1 ',
    'A+=1 ',
    ' time ',
    ' coproc ',
    ' then ',
    '; } ',
    '; fi',
    ' -delete',
    ' -exec id ;',
    ' \\; ',
    '\\;',
    '&>x',
  ],
  ...[
    ' && id',
    '; id',
    ' | sh',
    '\nid\n',
    '=',
    '+=',
    '%',
    '^',
    '-',
    '--',
    ' -- ',
    '/',
    '//',
    '/../',
    '.',
    ':',
    ',',
    '@',
  ],
] as const;

/** Names that stand before the commands of the rules. */
const WRAPPERS = ['sudo', 'nice', 'timeout', 'nohup', 'env', 'ionice'] as const;

/** Generates, judges, and lets bash run what was allowed; the same seed finds the same. */
export async function campaign(options: CampaignOptions): Promise<Findings> {
  const { seed, count, stubs, shell, batch = 500, jobs = 1, progress, stop } = options;
  const policy = await loadPolicy();
  const { rules } = loadRules();
  const random = new Seeded(seed);
  const generator = new Generator(rules, random);
  const oracle = new BashOracle([...rules.commands.keys(), ...WRAPPERS], stubs, shell);
  const found = { compared: 0, generated: 0, mutated: 0, mutantsAllowed: 0 };
  const differences: string[] = [];

  const allowed = (text: string): Program | null => {
    found.generated++;
    const { decision, program } = policy.check(text, null);
    // A path to a real program would run it.
    return decision === 'allow' && !/\/s?bin\//.test(text) ? program : null;
  };
  const next = (): { text: string; program: Program }[] => {
    const text = generator.text();
    const program = allowed(text);
    if (program === null) return [];
    const at = random.below(text.length + 1);
    const mutant = text.slice(0, at) + random.pick(TRICKS) + text.slice(at);
    const changed = allowed(mutant);
    found.mutated++;
    if (changed === null) return [{ text, program }];
    found.mutantsAllowed++;
    return [
      { text, program },
      { text: mutant, program: changed },
    ];
  };

  const worker = async (id: number) => {
    while (found.compared < count && differences.length < 20 && stop?.aborted !== true) {
      const cases: { text: string; program: Program }[] = [];
      while (cases.length < Math.min(batch, count)) cases.push(...next());
      found.compared += cases.length;
      differences.push(...(await oracle.compare(cases, id)));
      progress?.(found.compared);
    }
  };
  try {
    await Promise.all(Array.from({ length: jobs }, (_, id) => worker(id)));
  } finally {
    oracle.close();
  }
  return { ...found, started: oracle.started, differences };
}
