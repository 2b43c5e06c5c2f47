/**
 * Starts short-lived children and never goes back to its event loop, which would collect them. A signal still ends it:
 * its children are then collected by whoever adopts them.
 */
import { spawn } from 'node:child_process';
import { faultArguments, isOver, LOOK_MS, leave } from './bound.ts';

/** Whatever is asked for, a fault stays small. */
const MOST = 200;

process.title = 'zombies';
const wanted = Math.min(MOST, Number(faultArguments[0]) || 0);
for (let i = 0; i < wanted; i++) {
  spawn('/bin/sleep', ['0.1'], { stdio: 'ignore', env: {} }).on('error', () => undefined);
}
const never = new Int32Array(new SharedArrayBuffer(4));
while (!isOver()) Atomics.wait(never, 0, 0, LOOK_MS);
leave();
