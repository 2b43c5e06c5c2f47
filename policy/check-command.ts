import { parseArgs } from 'node:util';
import { checkLine, checkLines } from './check-lines.ts';
import { explain, showSource } from './explain.ts';
import { LIMITS } from './limits.ts';
import { type LoadOptions, loadRules } from './load-rules.ts';
import { findCommand } from './names.ts';
import { loadPolicy, PolicyError } from './policy.ts';
import { messageOf } from './policy-error.ts';
import { readInventory } from './read-inventory.ts';
import { sudoersEntries } from './sudoers.ts';
import { readCases, testRules } from './test-rules.ts';
import type { Inventory } from './verdict.ts';

/** How `sentinel policy` talks to the world: passed in, so that a test needs no process. */
export interface PolicyIo {
  readonly stdin: AsyncIterable<Buffer | string>;
  readonly stdout: (line: string) => void;
  readonly stderr: (line: string) => void;
}

const HELP = `sentinel policy check [--policy DIR] [--group DIR] [--inventory FILE] [--json] [CMD | -]
sentinel policy explain [--policy DIR] [--group DIR] [--inventory FILE] [--json] CMD
sentinel policy test [--policy DIR] [--group DIR] [--inventory FILE] [--json] [CASES.jsonl | CASES.yaml]...
sentinel policy sudoers [--policy DIR] [--group DIR] [--inventory FILE] [--user NAME]

  check     the verdict on one command, or on every line of standard input: a command a line, or JSON lines
            {"id","cmd"}; answers JSON lines {"id","verdict","rule","effect","reason","program"}
  explain   one verdict: the part of the command that decided, its rule and effect, and what would pass instead
  test      checks the examples in every rule file, and your own cases: JSON lines {"cmd","verdict"}, or YAML
            with the lists allow, review and block
  sudoers   prints entries for sudo 1.9.10 or newer: exact paths and anchored expressions, never a glob

  --policy DIR      a folder of the site's own rules; they can only tighten
  --group DIR       a folder of a host group's rules, below the site's; may be given more than once
  --inventory FILE  JSON {"units","mounts","containers","hosts","folders","processes"}: only these names exist
  --user NAME       the account that the entries are for (default: sentinel-exec)
  --json            JSON for a command on the command line too

Exit: 0 all allowed or all hold, 1 some do not, 2 usage or bad input.
Example: sentinel policy check 'systemctl restart nginx'`;

/** Runs `sentinel policy ARGS`; answers the exit code. */
export async function policyCommand(argv: readonly string[], io: PolicyIo): Promise<number> {
  const usage = readUsage(argv);
  if (typeof usage === 'string') {
    io.stderr(`sentinel policy: ${usage}\n${HELP}`);
    return 2;
  }
  if (usage.help) {
    io.stdout(HELP);
    return 0;
  }
  try {
    const inventory = usage.inventory === undefined ? null : readInventory(usage.inventory);
    switch (usage.verb) {
      case 'check':
      case 'explain':
        return await judge(usage, inventory, io);
      case 'test':
        return await test(usage, inventory, io);
      case 'sudoers':
        return sudoers(usage, inventory, io);
    }
  } catch (error) {
    io.stderr(`sentinel policy: ${error instanceof PolicyError ? '' : 'E_INVENTORY '}${messageOf(error)}`);
    return 2;
  }
}

async function judge({ verb, json, operands, load }: Usage, inventory: Inventory | null, io: PolicyIo) {
  const policy = await loadPolicy(load);
  const [command = '-'] = operands;
  if (command === '-') return checkLines(policy, inventory, io);
  const verdict = policy.check(command, inventory);
  if (json) io.stdout(checkLine(policy, inventory, command, 1).line);
  else if (verb === 'explain') io.stdout(explain(command, verdict));
  else
    io.stdout(
      `${verdict.decision}  ${showSource(command.slice(0, LIMITS.text))}  (${verdict.rule}: ${verdict.reason})`,
    );
  return verdict.decision === 'allow' ? 0 : 1;
}

async function test({ json, operands, load }: Usage, inventory: Inventory | null, io: PolicyIo) {
  const report = await testRules(load, operands.flatMap(readCases), inventory);
  if (json) io.stdout(JSON.stringify(report));
  else {
    for (const failure of report.failures) io.stdout(showSource(failure));
    const { examples, cases, failures } = report;
    io.stdout(
      `${examples} examples, ${cases} cases, ${failures.length} ${failures.length === 1 ? 'failure' : 'failures'}`,
    );
  }
  return report.failures.length === 0 ? 0 : 1;
}

function sudoers({ user, load }: Usage, inventory: Inventory | null, io: PolicyIo): number {
  const { rules } = loadRules(load);
  for (const line of sudoersEntries(rules, { user, inventory, locate: findCommand })) io.stdout(line);
  return 0;
}

const VERBS = ['check', 'explain', 'test', 'sudoers'] as const;

interface Usage {
  readonly help: boolean;
  readonly verb: (typeof VERBS)[number];
  readonly operands: readonly string[];
  readonly load: LoadOptions;
  readonly inventory: string | undefined;
  readonly user: string;
  readonly json: boolean;
}

function readUsage(argv: readonly string[]): Usage | string {
  const [given, ...rest] = argv;
  const helped = given === '--help' || given === '-h';
  const verb = helped ? 'check' : VERBS.find((known) => known === given);
  if (verb === undefined) return `the verbs are ${VERBS.join(', ')}`;
  try {
    const { values, positionals } = parseArgs({
      args: helped ? ['--help'] : [...rest],
      allowPositionals: true,
      options: {
        policy: { type: 'string' },
        group: { type: 'string', multiple: true },
        inventory: { type: 'string' },
        user: { type: 'string', default: 'sentinel-exec' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (positionals.length > 1 && verb !== 'test') return 'quote the command: it is one argument';
    if (verb === 'explain' && (positionals[0] ?? '-') === '-' && !values.help) return 'explain takes a command';
    if (verb === 'sudoers' && positionals.length > 0) return 'sudoers takes no command';
    if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(values.user)) return 'this is no name of an account';
    const load = {
      ...(values.policy === undefined ? {} : { siteDir: values.policy }),
      ...(values.group === undefined ? {} : { groupDirs: values.group }),
    };
    const { help, inventory, user, json } = values;
    return { help, verb, operands: positionals, load, inventory, user, json };
  } catch (error) {
    return messageOf(error);
  }
}
