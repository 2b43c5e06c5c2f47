import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Fault } from './fault.ts';
import type { RunPaths } from './record.ts';
import { type Prepared, type Scenario, ScenarioError } from './scenario.ts';
import { makeUnits, runnerLine, serviceOf, systemctl, timerOf, UNITS } from './unit-files.ts';
import type { Who } from './who.ts';

/** A busy machine takes its time to start a Node. */
const STARTED_WITHIN_MS = 60_000;
const LOOK_MS = 50;

/** Throws E_SCENARIO_RIGHTS where no unit can be made. */
export function mustMakeUnits(): void {
  if (process.geteuid?.() !== 0 || !existsSync(UNITS)) {
    throw new ScenarioError('E_SCENARIO_RIGHTS', 'a service of its own needs root and a systemd that runs');
  }
}

export interface UnitOptions {
  readonly state: string;
  readonly runner: Who;
  /** After so many seconds the service ends by itself, fixed or not. */
  readonly bound: number;
}

/**
 * Writes the fault down as a service that goes wrong at its first start and works from the second on: what a restart heals.
 * Nothing runs yet. Throws E_SCENARIO_RUNNING where another run has it.
 */
export function writeUnit(scenario: Scenario, prepared: Prepared, options: UnitOptions): void {
  makeUnits(scenario.name, serviceText(scenario, prepared, options), scenario.unit === 'job' ? TIMER_TEXT : null);
}

/** Starts it. The service writes its own process group down at each start, which is how a restart is seen. */
export async function startUnit({ name, unit }: Scenario, paths: RunPaths): Promise<Pick<Fault, 'pid' | 'over'>> {
  systemctl('daemon-reload');
  if (unit === 'job') systemctl('start', timerOf(name));
  systemctl('start', '--no-block', serviceOf(name));
  const first = await written(paths);
  return {
    pid: Number(first.split(' ', 1)[0]),
    over: () => (readPgid(paths) === first ? null : { outcome: 'fixed', how: `${serviceOf(name)} was started anew` }),
  };
}

/** Never due while a scenario runs: it is there so that the job has a timer, as such jobs have. */
const TIMER_TEXT = '[Unit]\nDescription=Starts the job of a scenario\n[Timer]\nOnActiveSec=1d\n';

function serviceText({ name, unit }: Scenario, { args }: Prepared, { state, runner, bound }: UnitOptions): string {
  const script = fileURLToPath(new URL('./faults/service.js', import.meta.url));
  // Its parent is process 1: what ends it early is the runner's end, which it watches by itself.
  const argv = [process.execPath, script, name, state, '1', String(bound), ...args];
  return [
    '[Unit]',
    `Description=A fault made on purpose: ${name}`,
    '[Service]',
    `Type=${unit === 'job' ? 'oneshot' : 'exec'}`,
    `ExecStart=${argv.map(quoted).join(' ')}`,
    runnerLine(runner),
    `Environment="SCENARIO_HEALTHY=${unit === 'job' ? 'ends' : 'stays'}"`,
    '',
  ].join('\n');
}

/** As systemd.service(5) and systemd.unit(5) have it: quotes, and what would be a variable or a specifier. */
const quoted = (word: string): string =>
  `"${word.replace(/["\\]/g, '\\$&').replaceAll('$', '$$$$').replaceAll('%', '%%')}"`;

function readPgid({ pgid }: RunPaths): string | null {
  try {
    return readFileSync(pgid, 'utf8').trim();
  } catch {
    return null;
  }
}

async function written(paths: RunPaths): Promise<string> {
  for (const deadline = performance.now() + STARTED_WITHIN_MS; performance.now() < deadline; await sleep(LOOK_MS)) {
    const found = readPgid(paths);
    if (found !== null) return found;
  }
  throw new ScenarioError('E_SCENARIO_START', 'the service did not start: see journalctl');
}
