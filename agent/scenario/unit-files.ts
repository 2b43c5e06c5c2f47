import { spawnSync } from 'node:child_process';
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { ScenarioError, watchedName } from './scenario.ts';
import { isAlive, readWho, type Who, writtenWho } from './who.ts';

/** Where systemd takes units from until the next boot. */
export const UNITS = '/run/systemd/system';
const SYSTEMCTL_MS = 30_000;
const ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
/** Longer than any unit of ours. */
const MAX_UNIT = 65_536;

export const serviceOf = (scenario: string): string => `${watchedName(scenario)}.service`;
export const timerOf = (scenario: string): string => `${watchedName(scenario)}.timer`;
const pathOf = (unit: string): string => `${UNITS}/${unit}`;

/** The line by which a unit says whose it is: to the fault's process, and to a run that finds it there. */
export const runnerLine = (runner: Who): string => `Environment="SCENARIO_RUNNER=${writtenWho(runner)}"`;
const RUNNER_LINE = /^Environment="SCENARIO_RUNNER=(\d+ \d+)"$/m;

const run = (argv: readonly string[]) =>
  spawnSync('systemctl', ['--no-ask-password', ...argv], { encoding: 'utf8', timeout: SYSTEMCTL_MS, env: ENV });

/** One question to systemd, or one order; throws E_SCENARIO_START when it does not do it. */
export function systemctl(...argv: string[]): void {
  const { status, stderr, error } = run(argv);
  if (status === 0) return;
  const why = (error?.message ?? stderr).trim().slice(0, 200);
  throw new ScenarioError('E_SCENARIO_START', `systemctl ${argv.join(' ')}: ${why}`);
}

/**
 * Writes a scenario's units: systemd has one of each name, whatever state folders the runs have. The service, which has a
 * `runnerLine`, is the claim; what a dead run left is taken away. Throws E_SCENARIO_RUNNING where it is another run's.
 */
export function makeUnits(scenario: string, service: string, timer: string | null): void {
  const path = pathOf(serviceOf(scenario));
  if (!isMade(path, service)) {
    setAside(scenario, path);
    // Another run may have been quicker.
    if (!isMade(path, service)) throw runsAlready(scenario, path);
    forget(scenario);
  }
  if (timer === null) return;
  const timerPath = pathOf(timerOf(scenario));
  try {
    // What is there without its service is nobody's.
    rmSync(timerPath, { force: true });
    isMade(timerPath, timer);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

/** False where there is a file of that name already. */
function isMade(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw new ScenarioError(
      'E_SCENARIO_START',
      `can't write ${path}: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** Takes a dead run's service out of the way; throws E_SCENARIO_RUNNING when it is not a dead run's. */
function setAside(scenario: string, path: string): void {
  const runner = runnerOf(path);
  if (runner === null || isAlive(runner)) throw runsAlready(scenario, path, runner);
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    // Of two that saw the dead one, the slower has moved what the quicker wrote meanwhile: that goes back.
    if (!isOf(aside, runner)) linkSync(aside, path);
  } catch {
    // Another run was quicker; whether there is a service now, the next look says.
  } finally {
    rmSync(aside, { force: true });
  }
}

function runsAlready(scenario: string, path: string, runner = runnerOf(path)): ScenarioError {
  const whose =
    runner === null ? `${path} does not say whose it is: remove it if none runs` : `of process ${runner.pid}`;
  return new ScenarioError('E_SCENARIO_RUNNING', `${scenario} runs already as a service (${whose})`);
}

/** Whose service it is; null where there is none, or it does not say. */
function runnerOf(path: string): Who | null {
  try {
    return readWho(RUNNER_LINE.exec(readFileSync(path, 'utf8').slice(0, MAX_UNIT))?.[1] ?? '');
  } catch {
    return null;
  }
}

function isOf(path: string, runner: Who): boolean {
  const found = runnerOf(path);
  return found?.pid === runner.pid && found.start === runner.start;
}

/** Ends the service of this runner's scenario and takes its units away; another run's is left alone. */
export function removeUnit(scenario: string, runner: Who): void {
  const path = pathOf(serviceOf(scenario));
  if (existsSync(path) && !isOf(path, runner)) return;
  forget(scenario, path);
}

/**
 * Makes systemd forget the units, and removes the timer and the given service: whatever files there are, since a unit that
 * runs or has failed is known by name, though its file is gone.
 */
function forget(scenario: string, service?: string): void {
  const units = [timerOf(scenario), serviceOf(scenario)];
  run(['stop', ...units]);
  rmSync(pathOf(timerOf(scenario)), { force: true });
  if (service !== undefined) rmSync(service, { force: true });
  run(['daemon-reload']);
  run(['reset-failed', ...units]);
}
