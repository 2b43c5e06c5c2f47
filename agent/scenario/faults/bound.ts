import { readRecord, removeTraces, runPaths } from '../record.ts';
import { isAlive, readWho } from '../who.ts';

/** How often a fault looks whether it should still be there. */
export const LOOK_MS = 250;

const [name = '', state = '', parent = '', seconds = ''] = process.argv.slice(2);
/** Of a service, whose parent is process 1: the runner, which it watches by itself. */
const runner = process.env['SCENARIO_RUNNER'];
const watched = runner === undefined ? undefined : readWho(runner);
const deadline = performance.now() + Number(seconds) * 1_000;

/** What the scenario passed beside the bounds. */
export const faultArguments: readonly string[] = process.argv.slice(6);

/** True when the runner is gone, or the time that it gave. */
export function isOver(): boolean {
  if (watched !== undefined && !isAlive(watched)) return true;
  return process.ppid !== Number(parent) || !(performance.now() < deadline);
}

/** Ends the fault, and takes its traces away if nobody else is left to do so. */
export function leave(): never {
  if (process.ppid !== Number(parent)) {
    const paths = runPaths(state, name);
    const record = readRecord(paths, name);
    // A later run's record is not ours to remove.
    if (record?.fault?.pid === process.pid) removeTraces(paths, record);
  }
  process.exit(0);
}

/** Names the process after the fault, so that a ranking shows what it is, and leaves when it is over. */
export function stayBounded(): void {
  process.title = name;
  setInterval(() => {
    if (isOver()) leave();
  }, LOOK_MS);
}
