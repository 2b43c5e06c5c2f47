import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Fault } from './fault.ts';
import { type RunPaths, type Who, whoIs } from './record.ts';
import { type Prepared, type Scenario, ScenarioError } from './scenario.ts';
import { removeUnit, serviceOf, systemctl, timerOf, UNITS } from './unit-files.ts';

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
  readonly paths: RunPaths;
  readonly runner: Who;
  /** After so many seconds the service ends by itself, fixed or not. */
  readonly bound: number;
}

/**
 * Runs the fault as a service that goes wrong at its first start and works from the second on: what a restart heals. The
 * service writes its own process group down at each start, which is how a restart is seen.
 */
export async function startUnit(scenario: Scenario, prepared: Prepared, options: UnitOptions): Promise<Fault> {
  const { name } = scenario;
  const { paths } = options;
  writeFileSync(`${UNITS}/${serviceOf(name)}`, serviceText(scenario, prepared, options));
  if (scenario.unit === 'job') writeFileSync(`${UNITS}/${timerOf(name)}`, TIMER_TEXT);
  systemctl('daemon-reload');
  if (scenario.unit === 'job') systemctl('start', timerOf(name));
  systemctl('start', '--no-block', serviceOf(name));
  const first = await written(paths);
  return {
    pid: Number(first.split(' ', 1)[0]),
    over: () => (readPgid(paths) === first ? null : { outcome: 'fixed', how: `${serviceOf(name)} was started anew` }),
    end: async () => removeUnit(name),
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
    `Environment="SCENARIO_RUNNER=${runner.pid} ${runner.start}"`,
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

/** The identity of the process that runs this module. */
export function ownIdentity(): Who {
  const who = whoIs(process.pid);
  if (who === null) throw new ScenarioError('E_SCENARIO_START', `can't read /proc/${process.pid}/stat`);
  return who;
}
