import { parseArgs } from 'node:util';
import { checkLine, checkLines } from './check-lines.ts';
import { explain, showSource } from './explain.ts';
import { LIMITS } from './limits.ts';
import { loadPolicy, type Policy, PolicyError } from './policy.ts';
import { readInventory } from './read-inventory.ts';
import type { Inventory } from './verdict.ts';

/** How `sentinel policy` talks to the world: passed in, so that a test needs no process. */
export interface PolicyIo {
  readonly stdin: AsyncIterable<Buffer | string>;
  readonly stdout: (line: string) => void;
  readonly stderr: (line: string) => void;
}

const HELP = `sentinel policy check [--policy DIR] [--inventory FILE] [--json] [CMD | -]
sentinel policy explain [--policy DIR] [--inventory FILE] CMD

  check     the verdict on one command, or on every line of standard input: a command a line, or JSON lines
            {"id","cmd"}; answers JSON lines {"id","verdict","rule","effect","reason","program"}
  explain   one verdict with the part of the command that decided

  --policy DIR      a folder of the site's own rules; they can only tighten
  --inventory FILE  JSON {"units","mounts","containers","hosts","folders","processes"}: only these names exist
  --json            JSON for a command on the command line too

Exit: 0 all allowed, 1 some are not, 2 usage or bad input.
Example: sentinel policy check 'systemctl restart nginx'`;

/** Runs `sentinel policy ARGS`; answers the exit code. */
export async function policyCommand(argv: readonly string[], io: PolicyIo): Promise<number> {
  const parsed = readUsage(argv);
  if (typeof parsed === 'string') {
    io.stderr(`sentinel policy: ${parsed}\n${HELP}`);
    return 2;
  }
  if (parsed.help) {
    io.stdout(HELP);
    return 0;
  }
  let policy: Policy;
  let inventory: Inventory | null;
  try {
    policy = await loadPolicy(parsed.siteDir === undefined ? {} : { siteDir: parsed.siteDir });
    inventory = parsed.inventory === undefined ? null : readInventory(parsed.inventory);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    io.stderr(`sentinel policy: ${error instanceof PolicyError ? '' : 'E_INVENTORY '}${error.message}`);
    return 2;
  }
  const { verb, command } = parsed;
  if (command === null) return checkLines(policy, inventory, io);
  const verdict = policy.check(command, inventory);
  if (verb === 'explain') io.stdout(explain(command, verdict));
  else if (parsed.json) io.stdout(checkLine(policy, inventory, command, 1).line);
  else
    io.stdout(
      `${verdict.decision}  ${showSource(command.slice(0, LIMITS.text))}  (${verdict.rule}: ${verdict.reason})`,
    );
  return verdict.decision === 'allow' ? 0 : 1;
}

interface Usage {
  readonly help: boolean;
  readonly verb: 'check' | 'explain';
  /** Null: standard input. */
  readonly command: string | null;
  readonly siteDir: string | undefined;
  readonly inventory: string | undefined;
  readonly json: boolean;
}

function readUsage(argv: readonly string[]): Usage | string {
  const [verb, ...rest] = argv;
  if (verb === '--help' || verb === '-h')
    return { help: true, verb: 'check', command: null, siteDir: undefined, inventory: undefined, json: false };
  if (verb !== 'check' && verb !== 'explain') return 'the verbs are check and explain';
  try {
    const { values, positionals } = parseArgs({
      args: [...rest],
      allowPositionals: true,
      options: {
        policy: { type: 'string' },
        inventory: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (positionals.length > 1) return 'quote the command: it is one argument';
    const command = positionals[0] === undefined || positionals[0] === '-' ? null : positionals[0];
    if (verb === 'explain' && command === null && !values.help) return 'explain takes a command';
    return { help: values.help, verb, command, siteDir: values.policy, inventory: values.inventory, json: values.json };
  } catch (error) {
    return error instanceof Error ? error.message : 'wrong usage';
  }
}
