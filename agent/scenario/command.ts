import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runScenario } from './run.ts';
import { DETECTED_WITHIN_S, type Scenario, ScenarioError } from './scenario.ts';
import { scenarios } from './scenarios.ts';
import { serviceOf } from './unit-files.ts';

const HELP = `sentinel scenario: real, bounded faults on this host that clean up after themselves

  sentinel scenario list [--json]
  sentinel scenario run NAME [--state DIR] [--for SECONDS] [--linger SECONDS] [--folder] [--unit] [--json]

  --state DIR       the state folder of the agent that shall see it (default ./.sentinel)
  --for SECONDS     end it by then, fixed or not (default 300, at most 3600)
  --linger SECONDS  keep its budget declared for so long after the fix (default 20; crash-loop 40)
  --folder          disk-fill: use a quota folder though a mount would be possible
  --unit            run it as a service of systemd's, which goes wrong until it is started anew (root): cpu-spin,
                    memory-hog, fd-leak, fork-storm, zombies; job-failed, workload-ended and held-log always are
  --json            one JSON object a line

Exit 0: it was fixed. 1: its time was over, or it was interrupted. 2: it could not begin.

Example, beside a running \`sentinel up\`:
  sentinel scenario run memory-hog`;

const DEFAULT_FOR_S = 300;
/** An hour is longer than any verification; what someone forgets must not run over night. */
const MAX_FOR_S = 3_600;

interface Io {
  readonly stdout: (line: string) => void;
  readonly stderr: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * `sentinel scenario ...`; `argv` begins after the word `scenario`. Resolves to the exit code: 0 done or fixed, 1 not
 * fixed, 2 usage or could not begin. Aborting the signal ends the fault and clears up.
 */
export async function scenarioCommand(argv: readonly string[], io: Io): Promise<number> {
  try {
    const { values, positionals } = parse(argv);
    const [verb, name, ...rest] = positionals;
    if (values.help || verb === undefined) {
      io.stdout(HELP);
      return values.help ? 0 : 2;
    }
    if (verb === 'list' && name === undefined) return list(values.json, io);
    if (verb !== 'run' || name === undefined || rest.length > 0) {
      throw new ScenarioError('E_USAGE', 'say `scenario list` or `scenario run NAME`; --help shows more');
    }
    const scenario = scenarios.find((known) => known.name === name);
    if (scenario === undefined) {
      const known = scenarios.map((one) => one.name).join(', ');
      throw new ScenarioError('E_SCENARIO_UNKNOWN', `no scenario of that name; there are ${known}`);
    }
    const seconds = number('--for', values.for, DEFAULT_FOR_S);
    const linger = number('--linger', values.linger, scenario.linger);
    if (values.unit && scenario.unit === undefined) throw new ScenarioError('E_USAGE', `${name} is no service`);
    const unit = values.unit || scenario.unit === 'only' || scenario.unit === 'job';
    return await run(scenario, { ...values, unit, seconds, linger, state: resolve(values.state) }, io);
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    io.stderr(`${error.code}: ${error.message}`);
    return 2;
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        state: { type: 'string', default: './.sentinel' },
        for: { type: 'string' },
        linger: { type: 'string' },
        folder: { type: 'boolean', default: false },
        unit: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new ScenarioError('E_USAGE', error instanceof Error ? error.message : String(error));
  }
}

function number(flag: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!/^\d{1,4}$/.test(text) || value > MAX_FOR_S) {
    throw new ScenarioError('E_USAGE', `${flag} takes whole seconds, at most ${MAX_FOR_S}`);
  }
  return value;
}

function list(json: boolean, io: Io): number {
  for (const { name, what, signal, metric } of scenarios) {
    io.stdout(
      json ? JSON.stringify({ name, what, signal, metric }) : `${name.padEnd(12)} ${signal.padEnd(15)} ${what}`,
    );
  }
  return 0;
}

interface Chosen {
  readonly state: string;
  readonly seconds: number;
  readonly linger: number;
  readonly folder: boolean;
  readonly unit: boolean;
  readonly json: boolean;
}

async function run(scenario: Scenario, chosen: Chosen, io: Io): Promise<number> {
  const { json, linger, seconds } = chosen;
  const tell = (event: string, line: string, more: Readonly<Record<string, unknown>> = {}): void =>
    io.stdout(json ? JSON.stringify({ event, scenario: scenario.name, ...more }) : line);
  const outcome = await runScenario(scenario, {
    ...chosen,
    signal: io.signal,
    say: (line) => tell('note', line, { note: line }),
    started: ({ signal, metric, expect, fix: usual, folder }, pid) => {
      const fix = chosen.unit ? `systemctl restart ${serviceOf(scenario.name)}` : usual;
      tell(
        'started',
        [
          `${scenario.name} runs as process group ${pid}: ${scenario.what}`,
          `${signal} will fire on ${metric} within ${DETECTED_WITHIN_S} s: it ${expect}`,
          `what fixes it: ${fix}; it ends by itself after ${seconds} s, or with Ctrl-C`,
        ].join('\n'),
        { signal, metric, within_s: DETECTED_WITHIN_S, pid, fix, folder: folder ?? null, for_s: seconds },
      );
    },
    fixed: (how) => tell('fixed', `fixed: ${how}; clearing up in ${linger} s`, { how, linger_s: linger }),
  });
  const last = {
    fixed: 'over, and nothing of it is left',
    elapsed: `not fixed within ${seconds} s: ended by itself, and nothing of it is left`,
    aborted: 'interrupted: ended, and nothing of it is left',
    failed: 'failed: the fault ended by itself, and nothing of it is left',
  }[outcome];
  tell('ended', last, { outcome });
  return outcome === 'fixed' ? 0 : 1;
}
