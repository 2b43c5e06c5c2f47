import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { ScenarioError, watchedName } from './scenario.ts';

/** Where systemd takes units from until the next boot. */
export const UNITS = '/run/systemd/system';
const SYSTEMCTL_MS = 30_000;
const ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

export const serviceOf = (scenario: string): string => `${watchedName(scenario)}.service`;
export const timerOf = (scenario: string): string => `${watchedName(scenario)}.timer`;

const run = (argv: readonly string[]) =>
  spawnSync('systemctl', argv, { encoding: 'utf8', timeout: SYSTEMCTL_MS, env: ENV });

/** One question to systemd, or one order; throws E_SCENARIO_START when it does not do it. */
export function systemctl(...argv: string[]): void {
  const { status, stderr, error } = run(argv);
  if (status === 0) return;
  const why = (error?.message ?? stderr).trim().slice(0, 200);
  throw new ScenarioError('E_SCENARIO_START', `systemctl ${argv.join(' ')}: ${why}`);
}

/** Ends a scenario's service and takes its unit away; nothing happens where there is none. */
export function removeUnit(scenario: string): void {
  const units = [timerOf(scenario), serviceOf(scenario)].filter((unit) => existsSync(`${UNITS}/${unit}`));
  if (units.length === 0) return;
  run(['stop', ...units]);
  for (const unit of units) rmSync(`${UNITS}/${unit}`, { force: true });
  run(['daemon-reload']);
  // A unit that failed is remembered by name, though its file is gone.
  run(['reset-failed', ...units]);
}
