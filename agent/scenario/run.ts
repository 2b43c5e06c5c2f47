import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProcess } from './as-process.ts';
import { mustMakeUnits, startUnit, writeUnit } from './as-unit.ts';
import type { Fault, Outcome } from './fault.ts';
import {
  killFault,
  type RunPaths,
  type RunRecord,
  readRecord,
  removeTraces,
  runPaths,
  writeRecord,
  writeWhole,
} from './record.ts';
import { type Prepared, type Scenario, ScenarioError } from './scenario.ts';
import { isAlive, ownIdentity, writtenWho } from './who.ts';

export interface RunOptions {
  readonly state: string;
  /** Seconds after which the fault ends by itself. */
  readonly seconds: number;
  /** Seconds that the budget stays declared after the fix. */
  readonly linger: number;
  readonly folder: boolean;
  /** Run it as a service of systemd's, which a restart heals. */
  readonly unit: boolean;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** Called when the fault is under way, with the number of its process group. */
  readonly started: (prepared: Prepared, pid: number) => void;
  /** Called when the fix was seen; the clearing up comes `linger` seconds later. */
  readonly fixed: (how: string) => void;
}

/** How often the runner looks whether the fault is over. */
const LOOK_MS = 250;
/** The fault's own bound is later than the runner's, which is the usual way to end. */
const SPARE_S = 30;

/**
 * Runs one fault until it is fixed, its time is over, or it is aborted, and then takes every trace of it away. Throws a
 * ScenarioError when it can't begin; nothing is left behind then either.
 */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Outcome> {
  const { unit } = options;
  if (unit) mustMakeUnits();
  const paths = claim(scenario, options.state);
  let record: RunRecord = {
    version: 1,
    name: scenario.name,
    runner: ownIdentity(),
    fault: null,
    folder: null,
    mounted: false,
  };
  let fault: Fault | undefined;
  try {
    const prepared = await scenario.prepare(options);
    record = {
      ...record,
      folder: prepared.folder ?? null,
      mounted: prepared.mounted ?? false,
    };
    writeRecord(paths, record);
    const bounds = { state: options.state, bound: options.seconds + options.linger + SPARE_S };
    if (unit) {
      writeUnit(scenario, prepared, { ...bounds, runner: record.runner });
      // Only now: a unit that another run has is not this one's to take away.
      record = { ...record, unit };
    }
    const own = startProcess(scenario, prepared, { ...bounds, script: unit ? 'unit-keeper' : scenario.name });
    fault = own;
    record = { ...record, fault: own.who };
    writeRecord(paths, record);
    if (unit) fault = { ...own, ...(await startUnit(scenario, paths)) };
    else writeWhole(paths.pgid, `${writtenWho(own.who)}\n`);
    writeWhole(paths.dropIn, prepared.dropIn(paths.pgid));
    options.started(prepared, fault.pid);
    const { outcome, how } = await follow(fault, prepared, options);
    if (outcome === 'fixed') {
      options.fixed(how);
      await pause(options.linger * 1_000, options.signal);
    }
    return outcome;
  } finally {
    // First the budget: what a service no longer does once it is stopped would be told as one more fault.
    rmSync(paths.dropIn, { force: true });
    await fault?.end();
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
  const left = readRecord(paths, scenario.name);
  if (left !== null && isAlive(left.runner)) {
    throw new ScenarioError('E_SCENARIO_RUNNING', `${scenario.name} runs already, as process ${left.runner.pid}`);
  }
  killFault(left?.fault ?? null, 'SIGKILL');
  removeTraces(paths, left);
  mkdirSync(join(state, 'scenarios'), { recursive: true, mode: 0o750 });
  return paths;
}

async function follow(
  fault: Fault,
  prepared: Prepared,
  { seconds, unit, signal }: RunOptions,
): Promise<{ readonly outcome: Outcome; readonly how: string }> {
  const deadline = performance.now() + seconds * 1_000;
  while (!signal.aborted && performance.now() < deadline) {
    if (!unit && (await prepared.fixed?.())) return { outcome: 'fixed', how: 'what it wrote is gone' };
    const over = fault.over();
    if (over !== null) return over;
    await pause(LOOK_MS, signal);
  }
  return signal.aborted ? { outcome: 'aborted', how: '' } : { outcome: 'elapsed', how: '' };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // An abort ends the pause early, and the caller looks at the signal itself.
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
