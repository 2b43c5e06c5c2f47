import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Fault } from './fault.ts';
import { killFault } from './record.ts';
import { type Prepared, type Scenario, ScenarioError } from './scenario.ts';
import { isAlive, type Who, whoIs } from './who.ts';

/** A process group that does not end on SIGTERM within this is killed. */
const GRACE_MS = 2_000;

export interface ProcessOptions {
  readonly state: string;
  /** After so many seconds it ends by itself. */
  readonly bound: number;
  /** Which of `faults/` it runs: the scenario's own, where it does not keep a service. */
  readonly script: string;
}

/** The fault is a process of ours that leads a group of its own, and ends by itself when this one is gone. */
export function startProcess(
  { name }: Scenario,
  prepared: Prepared,
  { state, bound, script }: ProcessOptions,
): Fault & { readonly who: Who } {
  const path = fileURLToPath(new URL(`./faults/${script}.js`, import.meta.url));
  const bounds = [name, state, String(process.pid), String(bound)];
  const child = spawn(process.execPath, [path, ...bounds, ...prepared.args], {
    detached: true,
    stdio: 'ignore',
    cwd: '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  });
  // Without a listener, a failure to start would end this process; the missing pid tells.
  child.on('error', () => undefined);
  const who = child.pid === undefined ? null : whoIs(child.pid);
  if (who === null) {
    child.kill('SIGKILL');
    throw new ScenarioError('E_SCENARIO_START', `can't start the fault's process`);
  }
  return {
    pid: who.pid,
    who,
    over() {
      if (prepared.fixed === undefined && child.signalCode !== null) {
        return { outcome: 'fixed', how: `its process was ended by ${child.signalCode}` };
      }
      if (child.exitCode !== null) return { outcome: 'failed', how: `its process exited with ${child.exitCode}` };
      return null;
    },
    end: () => end(who, child),
  };
}

async function end(fault: Who, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + GRACE_MS;
  killFault(fault, 'SIGTERM');
  while (isAlive(fault) && performance.now() < deadline) await sleep(20);
  killFault(fault, 'SIGKILL');
  while (isAlive(fault) && performance.now() < deadline + GRACE_MS) await sleep(20);
  // A dead child is in the process table until it was collected: gone means gone from there too.
  const collected = () => child.exitCode !== null || child.signalCode !== null;
  while (!collected() && performance.now() < deadline + GRACE_MS) await sleep(20);
}
