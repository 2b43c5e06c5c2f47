/** Starts children up to a bound. Each reads from a pipe of this process, so all end when this one does. */
import { spawn } from 'node:child_process';
import { faultArguments, stayBounded } from './bound.ts';

const STEP = 2;
/** Whatever is asked for, a fault stays small. */
const MOST = 100;

const wanted = Math.min(MOST, Number(faultArguments[0]) || 0);
let started = 0;
stayBounded();
const storm = setInterval(() => {
  for (let i = 0; i < STEP && started < wanted; i++, started++) {
    const child = spawn('/bin/cat', [], { stdio: ['pipe', 'ignore', 'ignore'], env: {} });
    child.on('error', () => undefined);
    child.stdin.on('error', () => undefined);
  }
  if (started >= wanted) clearInterval(storm);
}, 250);
