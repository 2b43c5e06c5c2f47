import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  isAlive,
  killFault,
  type RunPaths,
  type RunRecord,
  readRecord,
  removeTraces,
  runPaths,
  type Who,
  whoIs,
  writeRecord,
  writeWhole,
} from './record.ts';
import { type Prepared, type Scenario, ScenarioError } from './scenario.ts';

export interface RunOptions {
  readonly state: string;
  /** Seconds after which the fault ends by itself. */
  readonly seconds: number;
  /** Seconds that the budget stays declared after the fix. */
  readonly linger: number;
  readonly folder: boolean;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** Called when the fault is under way. */
  readonly started: (prepared: Prepared, fault: Who) => void;
  /** Called when the fix was seen; the clearing up comes `linger` seconds later. */
  readonly fixed: (how: string) => void;
}

/** How a run ended. */
export type Outcome = 'fixed' | 'elapsed' | 'aborted' | 'failed';

/** How often the runner looks whether the fault is over. */
const LOOK_MS = 250;
/** A process group that does not end on SIGTERM within this is killed. */
const GRACE_MS = 2_000;
/** The fault's own bound is later than the runner's, which is the usual way to end. */
const SPARE_S = 30;

/**
 * Runs one fault until it is fixed, its time is over, or it is aborted, and then takes every trace of it away. Throws a
 * ScenarioError when it can't begin; nothing is left behind then either.
 */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Outcome> {
  const paths = claim(scenario, options.state);
  let record: RunRecord = newRecord(scenario);
  let child: ChildProcess | undefined;
  try {
    const prepared = await scenario.prepare(options);
    record = { ...record, folder: prepared.folder ?? null, mounted: prepared.mounted ?? false };
    writeRecord(paths, record);
    child = start(scenario, prepared, options);
    const fault = child.pid === undefined ? null : whoIs(child.pid);
    if (fault === null) throw new ScenarioError('E_SCENARIO_START', `can't start the fault's process`);
    record = { ...record, fault };
    writeRecord(paths, record);
    writeWhole(paths.pgid, `${fault.pid} ${fault.start}\n`);
    writeWhole(paths.dropIn, prepared.dropIn(paths.pgid));
    options.started(prepared, fault);
    const { outcome, how } = await follow(child, prepared, options);
    if (outcome === 'fixed') {
      options.fixed(how);
      await pause(options.linger * 1_000, options.signal);
    }
    return outcome;
  } finally {
    await end(record.fault, child);
    removeTraces(paths, record);
  }
}

/** Refuses where there is no agent to see it, or where it runs already; clears up after a run that was killed. */
function claim(scenario: Scenario, state: string): RunPaths {
  const agent = join(state, 'agent');
  if (!existsSync(agent)) {
    throw new ScenarioError(
      'E_SCENARIO_STATE',
      `no agent has its state in ${agent}: start \`sentinel up\` first, or name its folder with --state`,
    );
  }
  const paths = runPaths(state, scenario.name);
  const left = readRecord(paths);
  if (left !== null && isAlive(left.runner)) {
    throw new ScenarioError('E_SCENARIO_RUNNING', `${scenario.name} runs already, as process ${left.runner.pid}`);
  }
  killFault(left?.fault ?? null, 'SIGKILL');
  removeTraces(paths, left);
  mkdirSync(join(state, 'scenarios'), { recursive: true, mode: 0o750 });
  return paths;
}

function newRecord(scenario: Scenario): RunRecord {
  const runner = whoIs(process.pid);
  if (runner === null) throw new ScenarioError('E_SCENARIO_START', `can't read /proc/${process.pid}/stat`);
  return { version: 1, name: scenario.name, runner, fault: null, folder: null, mounted: false };
}

/** The fault is a process of ours that leads a group of its own, and ends by itself when this one is gone. */
function start(scenario: Scenario, prepared: Prepared, options: RunOptions): ChildProcess {
  const script = fileURLToPath(new URL(`./faults/${scenario.name}.js`, import.meta.url));
  const bounds = [
    scenario.name,
    options.state,
    String(process.pid),
    String(options.seconds + options.linger + SPARE_S),
  ];
  const child = spawn(process.execPath, [script, ...bounds, ...prepared.args], {
    detached: true,
    stdio: 'ignore',
    cwd: '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  });
  // Without a listener, a failure to start would end this process; `follow` sees that there is no child.
  child.on('error', () => undefined);
  return child;
}

async function follow(
  child: ChildProcess,
  prepared: Prepared,
  { seconds, signal }: RunOptions,
): Promise<{ readonly outcome: Outcome; readonly how: string }> {
  const deadline = performance.now() + seconds * 1_000;
  while (!signal.aborted && performance.now() < deadline) {
    if (prepared.fixed !== undefined) {
      if (await prepared.fixed()) return { outcome: 'fixed', how: 'what it wrote is gone' };
    } else if (child.signalCode !== null) {
      return { outcome: 'fixed', how: `its process was ended by ${child.signalCode}` };
    }
    if (child.exitCode !== null) return { outcome: 'failed', how: `its process exited with ${child.exitCode}` };
    await pause(LOOK_MS, signal);
  }
  return signal.aborted ? { outcome: 'aborted', how: '' } : { outcome: 'elapsed', how: '' };
}

async function end(fault: Who | null, child: ChildProcess | undefined): Promise<void> {
  if (fault === null) {
    child?.kill('SIGKILL');
    return;
  }
  const deadline = performance.now() + GRACE_MS;
  killFault(fault, 'SIGTERM');
  while (isAlive(fault) && performance.now() < deadline) await sleep(20);
  killFault(fault, 'SIGKILL');
  while (isAlive(fault) && performance.now() < deadline + GRACE_MS) await sleep(20);
  // A dead child is in the process table until it was collected: gone means gone from there too.
  const collected = () => child === undefined || child.exitCode !== null || child.signalCode !== null;
  while (!collected() && performance.now() < deadline + GRACE_MS) await sleep(20);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // An abort ends the pause early, and the caller looks at the signal itself.
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
